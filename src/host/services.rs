//! Daemons that the reconciler starts and stops, whatever runs them.

mod check;
mod direct;
mod process;
mod systemd;

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;

use super::{FileError, ProcessError};
use crate::primitives::UnitId;

pub use direct::Direct;
pub use systemd::Systemd;

/// Starts and stops daemons by the units that want them, and no other process of the machine.
pub trait Services {
    /// Every unit of a kind that has a process. Looking spawns nothing.
    fn running(&self, daemon: &Daemon) -> Result<BTreeMap<UnitId, Process>, ServiceError>;

    /// Starts the process of a service that has none, with the configuration it finds.
    fn start(&self, service: &Service) -> Result<(), ServiceError>;

    /// Ends the process of a service, if there is one, and starts it anew.
    fn restart(&self, service: &Service) -> Result<(), ServiceError>;

    /// Ends the process of a service; none there is fine.
    fn stop(&self, service: &Service) -> Result<(), ServiceError>;

    /// Has the process of a service read its configuration again, without interrupting it.
    fn reload(&self, service: &Service) -> Result<(), ServiceError>;

    /// Has the daemon's own program say whether the configuration can be used. A daemon that has no
    /// such mode takes everything.
    fn check(&self, service: &Service) -> Result<(), ServiceError>;
}

/// What all services of one kind have in common, and how a process is known to be one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// The kind of unit that wants it: the service of unit `kind/name` is called `name`.
    pub kind: &'static str,
    /// What people call the daemon, as in `OpenVPN`.
    pub title: &'static str,
    /// Where its services have their process ids: `<name>.pid`.
    pub run: Utf8PathBuf,
    /// The option after which its command line names the pid file. A process without it there is
    /// somebody else's, whatever the pid file says.
    pub pid_option: &'static str,
}

/// One service: a daemon with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The unit that wants it.
    pub id: UnitId,
    /// What people call it, as in `tunnel tl-3`.
    pub label: String,
    /// Its kind of daemon.
    pub daemon: Daemon,
    /// Its unit of systemd.
    pub systemd_unit: String,
    /// How it is started where there is no systemd.
    pub launch: Launch,
    /// The configuration it reads.
    pub configuration: Utf8PathBuf,
    /// The program that says whether the configuration can be used, with its arguments.
    pub check: Option<Vec<String>>,
    /// How it is told to read its configuration again; `None` where it has to be started anew.
    pub reload: Option<Reload>,
    /// The management socket of OpenVPN on which it answers once it is ready; `None` where a
    /// process that lives is as much as can be known.
    pub answers_on: Option<Utf8PathBuf>,
    /// What it leaves behind, which nobody needs once it has ended.
    pub leftovers: Vec<Utf8PathBuf>,
}

/// How a daemon is started as a plain process that goes into the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// More of them for a daemon that root starts.
    pub arguments_of_root: Vec<String>,
    /// Where it writes its log.
    pub log: Utf8PathBuf,
}

/// One argument of a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Some text.
    Text(String),
    /// The path of a file that only root may read: a daemon that runs as another user is given a
    /// copy of its own.
    Secret(Utf8PathBuf),
}

/// How a daemon is told to read its configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// By SIGHUP.
    Hangup,
}

/// A process that runs, known by more than its id: ids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub started: u64,
}

/// What could not be done with which service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A program that starts, stops or checks it failed.
    #[error("{service}: cannot {action}")]
    Command {
        /// The service, as people call it.
        service: String,
        /// What was tried, as a verb.
        action: &'static str,
        /// What the program says.
        source: ProcessError,
    },
    /// The daemon ended right after it was started.
    #[error("{service}: {daemon} ended at once, see {log}{last}")]
    Ended {
        /// The service, as people call it.
        service: String,
        /// What people call the daemon.
        daemon: &'static str,
        /// Where it says why: a file, or a command that shows it.
        log: String,
        /// The last line it wrote, after a colon; empty where it wrote nothing.
        last: String,
    },
    /// It has no process that could read its configuration again.
    #[error("{service}: nothing runs that could read its configuration again")]
    NotRunning {
        /// The service, as people call it.
        service: String,
    },
    /// The process outlived SIGKILL.
    #[error("{service}: process {pid} does not end")]
    Immortal {
        /// The service, as people call it.
        service: String,
        /// The process.
        pid: u32,
    },
    /// The user that daemons are to run as does not exist.
    #[error("there is no user {user}: create it, or set openvpn_user in gateway.yaml to another")]
    NoUser {
        /// The name.
        user: String,
    },
    /// A process id or a secret could not be read or written.
    #[error("cannot prepare the daemons' processes")]
    File(#[from] FileError),
}

impl Daemon {
    /// The file that holds the process id of the service called `name`.
    #[must_use]
    pub fn pid_file(&self, name: &str) -> Utf8PathBuf {
        self.run.join(format!("{name}.pid"))
    }
}

impl Service {
    /// The file that holds its process id.
    #[must_use]
    pub fn pid_file(&self) -> Utf8PathBuf {
        self.daemon.pid_file(self.id.name())
    }

    fn fail(&self, action: &'static str, source: ProcessError) -> ServiceError {
        ServiceError::Command { service: self.label.clone(), action, source }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;

    /// A service of a daemon that is none in particular, in a directory of its own.
    pub(super) fn service() -> (tempfile::TempDir, Service) {
        let directory = tempfile::tempdir().unwrap();
        let run = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        let service = Service {
            id: "relay/one".parse().unwrap(),
            label: "relay one".to_owned(),
            daemon: Daemon {
                kind: "relay",
                title: "Relay",
                run: run.clone(),
                pid_option: "--writepid",
            },
            systemd_unit: "relay@one.service".to_owned(),
            launch: Launch {
                program: "sh",
                arguments: Vec::new(),
                arguments_of_root: Vec::new(),
                log: run.join("one.log"),
            },
            configuration: run.join("one.conf"),
            check: None,
            reload: Some(Reload::Hangup),
            answers_on: None,
            leftovers: vec![run.join("one.log")],
        };
        (directory, service)
    }
}
