//! Making a host what a generation asks for.

use super::{Applied, Changes, Gateway, Report, RunError, Wanted, decide, execute, observe};

/// What was done, and what of it failed.
pub(super) type Done = Result<Option<Changes>, (Option<Changes>, RunError)>;

/// Makes this host what is `wanted`; nothing done is `Ok(None)`.
pub(super) fn converge(gateway: &Gateway, wanted: &Wanted, report: &mut Report) -> Done {
    let Gateway { machine, config, .. } = gateway;
    let seen = observe::observe(machine, &config.paths);
    let mut seen = seen.map_err(|error| (None, RunError::Observe(error)))?;
    report.booted |= seen.applied == Applied::default();
    let steps = decide(&seen, wanted);
    if steps.is_empty() {
        return Ok(None);
    }
    report.steps.extend(steps.iter().map(ToString::to_string));
    let count = steps.iter().count();
    let (done, errors) = execute::execute(machine, &config.paths, steps, &mut seen.applied);
    let changes = (!done.is_empty()).then(|| Changes::of(&done));
    if errors.is_empty() {
        return Ok(changes);
    }
    // A device that waits for a process that does not start is nothing to tell of.
    let told = changes.filter(|changes| *changes != Changes::default());
    Err((told, RunError::Steps { count, errors }))
}
