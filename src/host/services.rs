//! The OpenVPN processes behind the tunnels, whatever starts them.

mod direct;
mod process;
mod systemd;

use std::collections::BTreeMap;
use std::fmt;

use camino::Utf8PathBuf;

use super::{FileError, ProcessError};
use crate::primitives::Device;

pub use direct::Direct;
pub use systemd::Systemd;

/// Starts and stops the process of one tunnel, and no other process of the machine.
pub trait Services {
    /// Every tunnel that has a process. Looking spawns nothing.
    fn running(&self) -> Result<BTreeMap<Device, Process>, ServiceError>;

    /// Starts the process of a tunnel that has none, with the configuration that `current` holds.
    fn start(&self, device: Device) -> Result<(), ServiceError>;

    /// Ends the process of a tunnel, if there is one, and starts it anew.
    fn restart(&self, device: Device) -> Result<(), ServiceError>;

    /// Ends the process of a tunnel; none there is fine.
    fn stop(&self, device: Device) -> Result<(), ServiceError>;
}

/// A process that runs, known by more than its id: ids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    pub started: u64,
}

/// Where the processes of the tunnels find what they need.
#[derive(Debug, Clone)]
pub struct TunnelFiles {
    /// The link to the generation in use; a tunnel reads `openvpn/<device>.conf` below it.
    pub current: Utf8PathBuf,
    /// `openvpn.key` and `openvpn.crt`.
    pub identity: Utf8PathBuf,
    /// Process ids, management sockets and logs of tunnels, one of each by device.
    pub run: Utf8PathBuf,
}

/// What could not be done with which tunnel.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A program that starts or stops it failed.
    #[error("tunnel {device}: cannot {action}")]
    Command {
        /// The tunnel.
        device: Device,
        /// What was tried, as a verb.
        action: &'static str,
        /// What the program says.
        source: ProcessError,
    },
    /// OpenVPN ended right after it was started.
    #[error("tunnel {device}: OpenVPN ended at once, see {log}{last}")]
    Ended {
        /// The tunnel.
        device: Device,
        /// Where it says why: a file, or a command that shows it.
        log: String,
        /// The last line it wrote, after a colon; empty where it wrote nothing.
        last: String,
    },
    /// The process outlived SIGKILL.
    #[error("tunnel {device}: process {pid} does not end")]
    Immortal {
        /// The tunnel.
        device: Device,
        /// The process.
        pid: u32,
    },
    /// The user that OpenVPN is to run as does not exist.
    #[error("there is no user {user}: create it, or set openvpn_user in gateway.yaml to another")]
    NoUser {
        /// The name.
        user: String,
    },
    /// A process id or credential could not be read or written.
    #[error("cannot prepare the tunnels' processes")]
    File(#[from] FileError),
}

impl TunnelFiles {
    /// The OpenVPN configuration of a tunnel.
    #[must_use]
    pub fn config(&self, device: Device) -> Utf8PathBuf {
        self.current.join(format!("openvpn/{device}.conf"))
    }

    /// The socket on which the process of a tunnel answers questions.
    #[must_use]
    pub fn socket(&self, device: Device) -> Utf8PathBuf {
        self.run.join(format!("{device}.sock"))
    }

    /// The file that OpenVPN writes its log to, where there is no systemd.
    #[must_use]
    pub fn log(&self, device: Device) -> Utf8PathBuf {
        self.run.join(format!("{device}.log"))
    }

    /// The file that holds the process id of a tunnel.
    #[must_use]
    pub fn pid_file(&self, device: Device) -> Utf8PathBuf {
        self.run.join(format!("{device}.pid"))
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)
    }
}
