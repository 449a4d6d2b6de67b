//! The walls of the lab: user, network, mount and PID namespaces of its own.
//!
//! Three processes. The one the user started stays outside as the *keeper*: it hands its orders
//! to the *init* of the new PID namespace through a pipe, and holds that pipe open. When the pipe
//! closes, because of Ctrl-C or because the keeper was killed, init ends, and the kernel kills
//! whatever else runs inside and takes mounts, devices and namespaces away. The *worker* does the
//! actual work, as init's child, because init must also reap the daemons that outlive their parents.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use camino::Utf8Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getuid, pidfd_open};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::host::{Command, ProcessError, Processes};

/// Every program the lab runs, how it is asked for its version, and Debian's package of it.
const TOOLS: [(&str, &str, &str); 8] = [
    ("unshare", "--version", "util-linux"),
    ("nsenter", "--version", "util-linux"),
    ("mount", "--version", "mount"),
    ("ip", "-Version", "iproute2"),
    ("nft", "--version", "nftables"),
    ("openvpn", "--version", "openvpn"),
    ("git", "--version", "git"),
    ("ping", "-V", "iputils-ping"),
];

/// Where OpenVPN gets its devices from.
const TUN: &str = "/dev/net/tun";

/// How long what is inside may take to vanish after the pipe has closed.
const FAREWELL: Duration = Duration::from_secs(10);

/// Why this machine has no place for a lab.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    /// Programs are not installed.
    #[error("the lab needs {}, not found on this machine", programs.join(", "))]
    Missing {
        /// The programs.
        programs: Vec<&'static str>,
        /// The packages of Debian that have them.
        packages: Vec<&'static str>,
    },
    /// The kernel gives us no namespaces.
    #[error("this machine lets {} make no namespaces for the lab: {said}", if *root { "root" } else { "ordinary users" })]
    Namespaces {
        /// Whether it was root who asked.
        root: bool,
        /// What unshare(1) says.
        said: String,
    },
    /// There are no tunnel devices for us.
    #[error("the lab cannot use {TUN}")]
    Tun {
        /// What the system says.
        source: io::Error,
    },
    /// A program could not be run at all.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The inner process could not be started or talked to.
    #[error("cannot start the lab")]
    Start(#[source] io::Error),
}

impl IsolationError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { packages, .. } => {
                Some(format!("on Debian and Ubuntu: sudo apt-get install {}", packages.join(" ")))
            }
            Self::Namespaces { root: false, .. } => Some(
                "run it as root: sudo tieline lab run …; or allow user namespaces: sudo sysctl \
                 kernel.unprivileged_userns_clone=1 (Debian) or sudo sysctl \
                 kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)"
                    .to_owned(),
            ),
            Self::Namespaces { root: true, .. } => Some(
                "in a container, give it CAP_SYS_ADMIN, or run the lab outside of it".to_owned(),
            ),
            Self::Tun { source } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some(format!(
                    "run it as root, or give everybody access as udev does: sudo chmod 0666 {TUN}"
                ))
            }
            Self::Tun { .. } => Some("load the kernel's module: sudo modprobe tun".to_owned()),
            Self::Process(_) | Self::Start(_) => None,
        }
    }
}

/// How the lab ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The worker came to an end, with this exit code.
    Worker(i32),
    /// A signal told us to stop.
    Interrupted,
    /// Somebody killed it from outside, or the kernel did for want of memory.
    Killed,
}

/// A way into new namespaces that works on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walls {
    user: bool,
}

impl Walls {
    /// Finds out whether a lab can be built here, and says what is missing if not.
    pub fn survey(processes: &dyn Processes) -> Result<Self, IsolationError> {
        let missing: Vec<_> = TOOLS.iter().filter(|tool| !installed(processes, tool)).collect();
        if !missing.is_empty() {
            let programs = missing.iter().map(|(program, ..)| *program).collect();
            let mut packages: Vec<_> = missing.iter().map(|(.., package)| *package).collect();
            packages.dedup();
            return Err(IsolationError::Missing { programs, packages });
        }
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(TUN)
            .map_err(|source| IsolationError::Tun { source })?;
        Self::find(processes)
    }

    /// A user namespace keeps root out of the machine, too; where there are none, root can do
    /// without.
    fn find(processes: &dyn Processes) -> Result<Self, IsolationError> {
        let root = getuid().is_root();
        let first = Self { user: true };
        let Err(said) = first.probe(processes)? else { return Ok(first) };
        if !root {
            return Err(IsolationError::Namespaces { root, said });
        }
        let second = Self { user: false };
        match second.probe(processes)? {
            Ok(()) => Ok(second),
            Err(said) => Err(IsolationError::Namespaces { root, said }),
        }
    }

    fn probe(self, processes: &dyn Processes) -> Result<Result<(), String>, ProcessError> {
        let command = Command::system("unshare").args(self.arguments());
        let output = processes.run(&command.args(["mount", "-t", "tmpfs", "lab", "/run"]))?;
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Ok(if output.success() { Ok(()) } else { Err(said) })
    }

    /// Arguments of unshare(1), up to the command.
    fn arguments(self) -> Vec<&'static str> {
        let user: &[_] = if self.user { &["--user", "--map-root-user"] } else { &[] };
        let rest =
            ["--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"];
        [user, &rest].concat()
    }

    /// Runs `program arguments` as init inside, hands it `orders` as one line on standard input,
    /// and waits for its end or for a signal, after which nothing of it is left.
    pub fn enter(
        self,
        program: &Utf8Path,
        arguments: &[String],
        orders: &str,
    ) -> Result<Ended, IsolationError> {
        let signals = signals().map_err(IsolationError::Start)?;
        let mut child = std::process::Command::new("unshare")
            .args(self.arguments())
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(IsolationError::Start)?;
        keep(&mut child, orders, &signals).map_err(IsolationError::Start)
    }
}

fn installed(processes: &dyn Processes, tool: &(&'static str, &str, &str)) -> bool {
    let &(program, version, _) = tool;
    match processes.run(&Command::system(program).arg(version)) {
        Err(ProcessError::Start { source, .. }) => {
            !matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        }
        _ => true,
    }
}

/// A stream that has something to read once we are told to stop.
fn signals() -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}

/// The keeper's whole work.
fn keep(child: &mut Child, orders: &str, signals: &UnixStream) -> io::Result<Ended> {
    let exited = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    if let Some(pipe) = &mut child.stdin {
        // Init may end before it reads, and then its exit code says why.
        let _ = pipe.write_all(format!("{orders}\n").as_bytes());
    }
    let mut ends = [
        PollFd::from_borrowed_fd(exited.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
    ];
    while let Err(error) = poll(&mut ends, None) {
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
    let [ended, interrupted] = ends.map(|end| !end.revents().is_empty());
    if ended {
        let code = child.wait()?.code();
        return Ok(if interrupted {
            Ended::Interrupted
        } else {
            code.map_or(Ended::Killed, Ended::Worker)
        });
    }
    child.stdin = None;
    let timeout = Timespec::try_from(FAREWELL).ok();
    let mut end = [PollFd::from_borrowed_fd(exited.as_fd(), PollFlags::IN)];
    if !matches!(poll(&mut end, timeout.as_ref()), Ok(1)) {
        child.kill()?;
    }
    child.wait()?;
    Ok(Ended::Interrupted)
}
