//! How a command fails: one message, what to do about it, an exit code.

use std::error::Error;

use super::Exit;
use crate::primitives::error_chain;

/// Why a command did not do what it was asked, as the user is told.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, with its causes after colons.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure that exits with `exit` and says `error` and all its sources, in one line.
    pub fn new(exit: Exit, error: &dyn Error) -> Self {
        let message = error_chain(error);
        Self { exit, message, hint: None }
    }

    /// A failure in words of its own.
    pub fn say(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The same failure, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
