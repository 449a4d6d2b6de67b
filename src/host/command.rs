//! Running other programs: no shell, no inherited environment, a time limit.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Where programs are looked for. The caller's `PATH` has no say: a gateway runs this as root.
const DIRECTORIES: [&str; 6] =
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

/// How much of what a program says is kept, in bytes.
const OUTPUT_LIMIT: u64 = 1 << 20;

/// Why a program did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It is not installed.
    #[error("{program} is not installed (looked in {})", DIRECTORIES.join(", "))]
    Missing {
        /// Its name.
        program: &'static str,
    },
    /// It could not be started.
    #[error("cannot run {program}")]
    Spawn {
        /// Its name.
        program: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// It took too long and was killed.
    #[error("`{command}` did not end within {} s and was killed", limit.as_secs())]
    TimeOut {
        /// The command line.
        command: String,
        /// How long it had.
        limit: Duration,
    },
    /// It ended with an error.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// The command line.
        command: String,
        /// What it wrote to standard error, or else its exit status.
        message: String,
    },
}

/// Runs `program` with `arguments` and hands back what it wrote to standard output (at most
/// 1 MiB of it). After `limit` it is killed.
pub fn run(
    program: &'static str,
    arguments: &[&str],
    limit: Duration,
) -> Result<Vec<u8>, CommandError> {
    let spawn = |source| CommandError::Spawn { program, source };
    let mut child = prepare(program, arguments)?
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(spawn)?;
    let output = collect(child.stdout.take());
    let errors = collect(child.stderr.take());
    let command = || [&[program], arguments].concat().join(" ");
    let Some(status) = wait(&mut child, limit).map_err(spawn)? else {
        return Err(CommandError::TimeOut { command: command(), limit });
    };
    let output = output.join().unwrap_or_default();
    let errors = errors.join().unwrap_or_default();
    if status.success() {
        return Ok(output);
    }
    let errors = String::from_utf8_lossy(&errors);
    let message = match errors.trim() {
        "" => status.to_string(),
        text => text.lines().collect::<Vec<_>>().join("; "),
    };
    Err(CommandError::Failed { command: command(), message })
}

/// Runs a program that leaves a daemon behind: its output goes nowhere, because the daemon
/// would hold a pipe open for ever.
pub fn launch(
    program: &'static str,
    arguments: &[&str],
    limit: Duration,
) -> Result<ExitStatus, CommandError> {
    let spawn = |source| CommandError::Spawn { program, source };
    let mut child = prepare(program, arguments)?
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(spawn)?;
    let ended = wait(&mut child, limit).map_err(spawn)?;
    let command = || [&[program], arguments].concat().join(" ");
    ended.ok_or_else(|| CommandError::TimeOut { command: command(), limit })
}

fn prepare(program: &'static str, arguments: &[&str]) -> Result<Command, CommandError> {
    let found = DIRECTORIES.iter().map(|directory| Path::new(directory).join(program));
    let Some(path) = found.into_iter().find(|path| path.is_file()) else {
        return Err(CommandError::Missing { program });
    };
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", DIRECTORIES.join(":"))
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    Ok(command)
}

/// Reads a pipe to its end beside the waiting, so that a program that says much does not block.
fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What cannot be read any more is only missing from a message.
            let _ = pipe.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        bytes
    })
}

/// Waits until the child ends; `None` where it did not and was killed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn hands_back_output_and_hides_the_environment() {
        let output = run("env", &[], LIMIT).unwrap();
        let output = String::from_utf8(output).unwrap();
        assert_eq!(output.lines().count(), 2, "{output}");
    }

    #[test]
    fn says_what_the_program_said() {
        let error = run("ls", &["/no such place"], LIMIT).unwrap_err().to_string();
        assert!(error.contains("/no such place") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn kills_what_takes_too_long() {
        let start = Instant::now();
        let error = run("sleep", &["60"], Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, CommandError::TimeOut { .. }), "{error}");
        assert!(start.elapsed() < LIMIT);
    }

    #[test]
    fn names_what_is_missing() {
        let error = run("no-such-program", &[], LIMIT).unwrap_err().to_string();
        assert!(error.starts_with("no-such-program is not installed"), "{error}");
    }
}
