//! The machine: traits for everything outside this process, and their real forms.

mod agent;
mod clock;
mod console;
mod environment;
#[cfg(test)]
pub(crate) mod fake;
mod files;
pub mod git;
pub mod http;
mod logs;
mod network;
mod probes;
mod process;
mod services;
mod source;
mod unwritten;
mod users;

pub use agent::{Agent, AgentError, RealAgent};
pub use clock::{BootClock, Clock, RealClock};
pub use console::{Console, RealConsole};
pub use environment::{Environment, RealEnvironment};
pub use files::{FileError, Files, Kind, LockGuard, Mode, RealFiles, TEMPORARY};
pub use logs::{Entry, Log, Priority, stderr_is_the_journal};
pub use network::{
    Ipv6, KernelNetwork, Link, LinkKind, Network, NetworkError, NetworkState, ROUTE_PROTOCOL,
    RouteKey, Traffic, Via,
};
pub use probes::{EchoTarget, Probes, RealProbes, TunnelState};
pub use process::{Command, Output, ProcessError, Processes, RealProcesses};
pub use services::{
    Argument, Daemon, Direct, Launch, Process, Reload, Service, ServiceError, Services, Systemd,
};
pub use source::Source;
pub use unwritten::Unwritten;
pub use users::{User, close_to_others, current_user, user_by_name};

/// The parts of a machine that every command may need, real or not.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its programs.
    pub processes: &'a dyn Processes,
    /// Its environment variables.
    pub environment: &'a dyn Environment,
    /// The person at its terminal.
    pub console: &'a dyn Console,
    /// The ssh agent of whoever runs this.
    pub agent: &'a dyn Agent,
    /// Git repositories elsewhere.
    pub git: &'a dyn git::Publisher,
    /// Mirrors on web servers.
    pub mirrors: &'a dyn http::Mirrors,
    /// Git checkouts here.
    pub checkout: &'a dyn git::Checkout,
}

impl Host<'static> {
    /// The machine this process runs on.
    #[must_use]
    pub fn real() -> Self {
        Self {
            files: &RealFiles,
            clock: &RealClock,
            processes: &RealProcesses,
            environment: &RealEnvironment,
            console: &RealConsole,
            agent: &RealAgent,
            git: &git::RealGit::SELF,
            mirrors: &http::RealMirrors,
            checkout: &git::RealCheckout,
        }
    }
}
