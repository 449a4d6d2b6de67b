//! The machine: traits for everything outside this process, and their real forms.

mod clock;
pub mod command;
mod files;
mod network;
mod probes;
mod services;
pub mod users;

pub use clock::{Clock, RealClock};
pub use command::CommandError;
pub use files::{FileError, Files, LockGuard, Mode, RealFiles};
pub use network::{KernelNetwork, Link, Network, NetworkError, NetworkState, ROUTE_PROTOCOL, Via};
pub use probes::{Management, Probes, TunnelState};
pub use services::{Direct, Process, ServiceError, Services, Systemd, TunnelFiles};

/// The parts of a machine that every command may need, real or not.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
}

impl Host<'static> {
    /// The machine this process runs on.
    #[must_use]
    pub fn real() -> Self {
        Self { files: &RealFiles, clock: &RealClock }
    }
}
