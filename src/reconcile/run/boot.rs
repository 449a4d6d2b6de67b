//! What the boot and an administrator may have done about a run that was cut off.

use super::session::lock;
use crate::reconcile::error::RunError;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::transaction::{Journal, JournalFile, restore_link};

/// Switches the link back where a transaction has to be undone, and starts and stops nothing: what
/// comes up after a boot then comes up with the old generation, and the next run does the rest.
/// Returns the release that is undone.
pub fn recover_link(gateway: &Gateway) -> Result<Option<u64>, RunError> {
    let _held = lock(gateway)?;
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    match Journal::load(files, state) {
        JournalFile::Present(journal) => restore_link(gateway, *journal),
        JournalFile::Absent | JournalFile::Unreadable(_) => Ok(None),
    }
}

/// Ends a transaction that nothing else ends: what `current` points at is taken for what is
/// wanted. Returns whether there was one.
pub fn forget_transaction(gateway: &Gateway) -> Result<bool, RunError> {
    let _held = lock(gateway)?;
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let found = Journal::load(files, state) != JournalFile::Absent;
    if found {
        Journal::remove(files, state).map_err(RunError::Journal)?;
    }
    Ok(found)
}
