//! Steps into effects.

use std::collections::BTreeSet;

use super::executor::Executor;
use super::{Applied, Step, StepError, Steps, UnitId, kind};
use crate::reconcile::config::Paths;
use crate::reconcile::machine::Machine;

/// A step that had no effect.
#[derive(Debug)]
pub struct FailedStep {
    /// The step.
    pub step: Step,
    /// Why it had none.
    pub error: StepError,
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
