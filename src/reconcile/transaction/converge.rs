//! Making a host what a generation asks for.

use crate::reconcile::error::RunError;
use crate::reconcile::events::Event;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::host_check;
use crate::reconcile::units::{Applied, Changes, Wanted, decide, execute, observe};

/// What was done, and how that ended.
pub(in crate::reconcile) struct Converged {
    /// What was done that people are told; `None` where that is nothing.
    pub(in crate::reconcile) changes: Option<Changes>,
    /// Whether all of it was.
    pub(in crate::reconcile) result: Result<(), RunError>,
}

/// Makes this host what is `wanted`, as far as it has what that needs.
pub(in crate::reconcile) fn converge(gateway: &Gateway, wanted: &Wanted) -> Converged {
    let Gateway { machine, config, events, .. } = gateway;
    let mut seen = match observe(machine, &config.paths) {
        Ok(seen) => seen,
        Err(error) => return Converged { changes: None, result: Err(RunError::Observe(error)) },
    };
    if seen.applied == Applied::default() {
        events.note(Event::FirstSinceBoot);
    }
    let steps = decide(&seen, wanted);
    if steps.is_empty() {
        return Converged { changes: None, result: Ok(()) };
    }
    let (steps, lacks) = host_check::possible(gateway, steps);
    steps.iter().for_each(|step| events.progress(step.to_string()));
    let count = steps.iter().count();
    let (done, errors) = execute(machine, &config.paths, steps, &mut seen.applied);
    let changes = (!done.is_empty()).then(|| Changes::of(&done));
    let failed = if errors.is_empty() { Ok(()) } else { Err(RunError::Steps { count, errors }) };
    let result = match lacks {
        Ok(()) => failed,
        Err(lacks) => {
            events.warn_of(failed);
            Err(lacks.into())
        }
    };
    // A device that waits for a process that does not start is nothing to tell of.
    let changes = changes.filter(|changes| result.is_ok() || changes.is_worth_telling());
    Converged { changes, result }
}
