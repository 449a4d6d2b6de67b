//! What steps are carried out with.

use super::{Applied, Note, UnitId};
use crate::host::{FileError, NetworkError, ServiceError};
use crate::reconcile::config::Paths;
use crate::reconcile::machine::Machine;

/// Why a step had no effect.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The network did not do it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The daemon did not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The note of what is applied could not be written.
    #[error("cannot note what is applied")]
    Note(#[from] FileError),
}

/// The host that steps are carried out on, and the notes of what has been done to it.
pub(super) struct Executor<'a> {
    pub(super) machine: &'a Machine<'a>,
    pub(super) paths: &'a Paths,
    pub(super) applied: &'a mut Applied,
}

impl Executor<'_> {
    /// Has an effect that cannot be seen afterwards. What is noted of the unit is struck out before
    /// it, and what the effect returns is written down after it, so that a crash in between leaves
    /// "unknown", never something false.
    pub(super) fn noted(
        &mut self,
        unit: &UnitId,
        effect: impl FnOnce(&Machine, &Paths) -> Result<Option<Note>, StepError>,
    ) -> Result<(), StepError> {
        self.applied.strike(unit);
        self.applied.save(self.machine.files, &self.paths.run)?;
        if let Some(note) = effect(self.machine, self.paths)? {
            self.applied.units.insert(unit.clone(), note);
            self.applied.save(self.machine.files, &self.paths.run)?;
        }
        Ok(())
    }
}
