//! The machine: traits for everything outside this process, and their real forms.

mod clock;
mod environment;
mod files;
mod process;

pub use clock::{Clock, RealClock};
pub use environment::{Environment, RealEnvironment};
pub use files::{FileError, Files, LockGuard, Mode, RealFiles};
pub use process::{Command, Output, ProcessError, Processes, RealProcesses};

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
        }
    }
}
