//! What happens in a run, noted as it happens: so it is known also where the run ends in an error.

use std::cell::RefCell;
use std::error::Error;

use super::cause::Cause;
use super::units::Changes;
use crate::host::Source;
use crate::primitives::error_chain;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is the first run since this host was booted: what is missing then, nobody took away.
    FirstSinceBoot,
    /// Something went on, for who wants to see every step.
    Progress(String),
    /// Something an administrator should know although the run may go well.
    Warning(String),
    /// Something differs from the generation in use, and was left so because nobody wanted it to be
    /// repaired.
    DriftLeft(String),
    /// What differed from the generation in use was repaired.
    Repaired(Changes),
    /// A release was verified, the newest there is.
    Verified {
        /// Its number.
        release: u64,
        /// The remote it came from.
        remote: Source,
    },
    /// A generation was put to use and proved healthy.
    Applied(Installed),
    /// A generation did not prove healthy, and the one before is in use again.
    RolledBack,
}

/// A generation that was put to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The release that had brought it.
    pub release: u64,
    /// Who wanted it.
    pub cause: Cause,
    /// What it changed.
    pub changes: Changes,
}

/// Everything that happened in a run so far.
#[derive(Debug, Default)]
pub struct Events(RefCell<Vec<Event>>);

impl Events {
    /// Notes something that happened.
    pub fn note(&self, event: Event) {
        self.0.borrow_mut().push(event);
    }

    /// Notes what went on.
    pub fn progress(&self, text: impl Into<String>) {
        self.note(Event::Progress(text.into()));
    }

    /// Notes a warning.
    pub fn warn(&self, text: impl Into<String>) {
        self.note(Event::Warning(text.into()));
    }

    /// Warns of an error that does not end the run, if there is one.
    pub fn warn_of<E: Error>(&self, result: Result<(), E>) {
        if let Err(error) = result {
            self.warn(error_chain(&error));
        }
    }

    /// What happened, in order.
    #[must_use]
    pub fn all(&self) -> Vec<Event> {
        self.0.borrow().clone()
    }
}
