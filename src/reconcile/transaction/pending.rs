//! A transaction that has not ended, for people who look.

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Journal, JournalFile, Phase};
use crate::host::{Clock, Files};
use crate::reconcile::cause::Cause;

/// A transaction that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pending {
    /// How far it has come
    pub phase: Phase,
    /// The release that is to be in use
    pub release: u64,
    /// Who wanted it
    pub cause: Cause,
    /// How many seconds it has left to prove healthy; none after another boot, or while it is
    /// being undone
    pub seconds_left: Option<u64>,
    /// Why it is being undone
    pub reason: Option<String>,
}

impl Pending {
    /// What the state directory has; `None` where there is nothing, or nothing that can be read.
    pub(in crate::reconcile) fn load(
        files: &dyn Files,
        state: &Utf8Path,
        clock: &dyn Clock,
    ) -> Option<Self> {
        let JournalFile::Present(journal) = Journal::load(files, state) else { return None };
        let now = clock.boot();
        let forward = matches!(journal.phase, Phase::Armed | Phase::Switched);
        let left = journal.deadline().saturating_sub(now.uptime).as_secs();
        Some(Self {
            phase: journal.phase,
            release: journal.to.release,
            cause: journal.cause,
            seconds_left: (forward && journal.same_boot(&now)).then_some(left),
            reason: journal.reason,
        })
    }
}
