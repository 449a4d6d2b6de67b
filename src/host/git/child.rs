//! A child process that has a deadline.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The most that is read of what a child prints, in bytes.
const MAX_OUTPUT: u64 = 16 << 20;

/// How a child that was done in time ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Runs `command` on `input`. `None` when it is not done after `deadline`: then it has been
/// killed with its whole process group and reaped.
pub(super) fn run(
    command: &mut Command,
    input: Vec<u8>,
    deadline: Duration,
) -> io::Result<Option<Ended>> {
    let end = Instant::now() + deadline;
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let mut child = Killed { child, reaped: false };

    // Each pipe has a thread, so that no full pipe can hold us past the deadline. They end when
    // the child does: it is the only one to hold the other ends.
    let stdin = child.child.stdin.take();
    thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
    let stdout = collect(child.child.stdout.take());
    let stderr = collect(child.child.stderr.take());

    let Ok(stdout) = stdout.recv_timeout(end.saturating_duration_since(Instant::now())) else {
        return Ok(None);
    };
    let Ok(stderr) = stderr.recv_timeout(end.saturating_duration_since(Instant::now())) else {
        return Ok(None);
    };
    // Both pipes are closed, so the child is gone or about to be.
    while Instant::now() < end {
        if let Some(status) = child.child.try_wait()? {
            child.reaped = true;
            return Ok(Some(Ended { status, stdout, stderr }));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(None)
}

/// A child that is killed, with its group, and reaped when this is dropped.
struct Killed {
    child: Child,
    reaped: bool,
}

impl Drop for Killed {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        // Not reaped yet, so the id is still this child's and nobody else's.
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            // An error means that nobody is left to kill.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is what there is.
            let _ = pipe.take(MAX_OUTPUT).read_to_end(&mut output);
        }
        // The receiver is gone when the deadline came first.
        let _ = sender.send(output);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn hands_over_what_the_child_reads_and_prints() {
        let mut command = shell("tr a-z A-Z; echo oops >&2; exit 3");
        let ended = run(&mut command, b"hello".to_vec(), Duration::from_secs(20));
        let ended = ended.unwrap().unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert_eq!(ended.stdout, b"HELLO");
        assert_eq!(ended.stderr, b"oops\n");
    }

    #[test]
    fn kills_the_whole_group_at_the_deadline() {
        let directory = tempfile::tempdir().unwrap();
        let pids = directory.path().join("pids");
        // A grandchild that holds the pipes open and does not care for signals it may ignore.
        let script = format!(
            "trap '' TERM HUP; (trap '' TERM HUP; sleep 600) & echo $! $$ > {}; wait",
            pids.display()
        );
        let begin = Instant::now();
        let ended = run(&mut shell(&script), Vec::new(), Duration::from_millis(500)).unwrap();
        assert!(ended.is_none());
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        #[expect(clippy::disallowed_methods, reason = "a test may read what it made")]
        let pids = std::fs::read_to_string(pids).unwrap();
        for pid in pids.split_whitespace() {
            assert!(is_dead(pid), "process {pid} is left over");
        }
    }

    #[test]
    fn input_that_nobody_reads_does_not_hold_it_up() {
        let begin = Instant::now();
        let ended =
            run(&mut shell("sleep 600"), vec![0; 1 << 20], Duration::from_millis(200)).unwrap();
        assert!(ended.is_none());
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    /// Gone, or a zombie that whoever adopted it has not reaped yet.
    #[expect(clippy::disallowed_methods, reason = "a test may read /proc")]
    fn is_dead(pid: &str) -> bool {
        for _ in 0..100 {
            match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) if !stat.contains(") Z ") => thread::sleep(Duration::from_millis(10)),
                _ => return true,
            }
        }
        false
    }
}
