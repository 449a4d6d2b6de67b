//! Programs of the machine: run with arguments as a list, a time limit and captured output.

mod real;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;

pub use real::RealProcesses;

/// One program to run. No shell is involved: an argument is an argument, whatever is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program, looked up in `PATH` unless it is a path.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The network namespace to run in, as `ip netns` names it; `None` for our own.
    pub netns: Option<String>,
    /// Where it runs; `None` for where we are.
    pub directory: Option<Utf8PathBuf>,
    /// Its whole environment; `None` to hand on ours.
    pub environment: Option<BTreeMap<String, String>>,
    /// What it reads on standard input.
    pub input: Vec<u8>,
    /// How long it may take before it is killed.
    pub limit: Duration,
}

/// Where distributions install programs, in the order in which they are looked for.
pub(in crate::host) const SYSTEM_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Command {
    /// How long a program may take unless told otherwise.
    pub const LIMIT: Duration = Duration::from_secs(30);

    /// A command without arguments, in our own surroundings, with nothing to read.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            netns: None,
            directory: None,
            environment: None,
            input: Vec::new(),
            limit: Self::LIMIT,
        }
    }

    /// A program of the system, for a caller that may be root: looked up where distributions
    /// install programs, and with nothing of our own environment.
    #[must_use]
    pub fn system(program: impl Into<String>) -> Self {
        let environment = [("PATH", SYSTEM_PATH), ("LC_ALL", "C")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            directory: Some("/".into()),
            environment: Some(environment.into()),
            ..Self::new(program)
        }
    }

    /// The same command with one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same command with more arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The same command with a variable in its environment, which is not ours but its own.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    /// The same command in a network namespace.
    #[must_use]
    pub fn netns(mut self, name: impl Into<String>) -> Self {
        self.netns = Some(name.into());
        self
    }

    /// The same command with something to read.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// The same command with another time limit.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What is executed in the end: nsenter(1) replaces itself by the program, so it costs no
    /// process.
    fn prepare(&self) -> std::process::Command {
        let mut command = match &self.netns {
            None => std::process::Command::new(&self.program),
            Some(netns) => {
                let mut command = std::process::Command::new("nsenter");
                command.arg(format!("--net=/run/netns/{netns}")).arg("--").arg(&self.program);
                command
            }
        };
        command.args(&self.arguments);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment);
        }
        command
    }
}

/// As a person would type it, for messages.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// How a program ended, and what it printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output, at most [`Output::LIMIT`] bytes.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, at most [`Output::LIMIT`] bytes.
    pub stderr: Vec<u8>,
}

impl Output {
    /// The most that is kept of each stream, in bytes; the rest is read and dropped.
    pub const LIMIT: usize = 4 << 20;

    /// Whether the program says that all went well.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// Runs programs.
pub trait Processes: Sync {
    /// Runs a program to its end, or to its time limit. What it started in the background is
    /// not waited for.
    fn run(&self, command: &Command) -> Result<Output, ProcessError>;

    /// Runs a program to its end and demands success; hands back its standard output.
    fn demand(&self, command: &Command) -> Result<Vec<u8>, ProcessError> {
        let output = self.run(command)?;
        if output.success() {
            return Ok(output.stdout);
        }
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        Err(ProcessError::Failed {
            command: command.to_string(),
            code: output.code,
            said: String::from_utf8_lossy(said).trim_end().to_owned(),
        })
    }
}

/// Why a program did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not there, or cannot be executed.
    #[error("cannot run {program}")]
    Start {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// Its output could not be read.
    #[error("cannot talk to {program}")]
    Talk {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It took too long and was killed.
    #[error("`{command}` was not done after {limit:?} and was killed")]
    TimedOut {
        /// The program with its arguments.
        command: String,
        /// How long it was given.
        limit: Duration,
    },
    /// It says that it failed. What it printed comes after the first line.
    #[error("`{command}` {}{}{said}", ending(*code), if said.is_empty() { "" } else { ":\n" })]
    Failed {
        /// The program with its arguments.
        command: String,
        /// Its exit code.
        code: Option<i32>,
        /// What it printed to standard error, or else to standard output.
        said: String,
    },
}

fn ending(code: Option<i32>) -> String {
    code.map_or_else(
        || "was ended by a signal".to_owned(),
        |code| format!("failed with exit code {code}"),
    )
}
