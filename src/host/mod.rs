//! The machine: traits for everything outside this process, and their real forms.

mod clock;
mod files;
pub mod git;

pub use clock::{Clock, RealClock};
pub use files::{FileError, Files, LockGuard, Mode, RealFiles};

/// The parts of a machine that every command may need, real or not.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Git repositories elsewhere.
    pub git: &'a dyn git::Publisher,
}

impl Host<'static> {
    /// The machine this process runs on.
    #[must_use]
    pub fn real() -> Self {
        Self { files: &RealFiles, clock: &RealClock, git: &git::RealGit::SELF }
    }
}
