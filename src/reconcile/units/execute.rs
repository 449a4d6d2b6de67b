//! Steps into effects.

use std::collections::BTreeSet;

use super::{Applied, Note, Step, Steps, UnitId, kind};
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

/// A step that had no effect.
#[derive(Debug)]
pub struct FailedStep {
    /// The step.
    pub step: Step,
    /// Why it had none.
    pub error: StepError,
}

/// The host that steps are carried out on, and the notes of what has been done to it.
pub(super) struct Executor<'a> {
    pub(super) machine: &'a Machine<'a>,
    pub(super) paths: &'a Paths,
    applied: &'a mut Applied,
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

/// Carries out all steps in order. One that fails does not keep the others from happening: a tunnel
/// that does not start is no reason to leave the rest down, or to keep one that was revoked. Only
/// what needs it is left out, and the next run tries again. Returns the steps that were done, and
/// why others were not.
pub(in crate::reconcile) fn execute(
    machine: &Machine,
    paths: &Paths,
    steps: Steps,
    applied: &mut Applied,
) -> (Steps, Vec<FailedStep>) {
    let mut executor = Executor { machine, paths, applied };
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    let mut missing: BTreeSet<UnitId> = BTreeSet::new();
    for step in steps.0 {
        if !step.needs.is_disjoint(&missing) {
            missing.insert(step.unit);
            continue;
        }
        match kind::carry_out(&step, &mut executor) {
            Ok(()) => done.push(step),
            Err(error) => {
                missing.insert(step.unit.clone());
                errors.push(FailedStep { step, error });
            }
        }
    }
    (Steps(done), errors)
}
