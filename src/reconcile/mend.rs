//! The generation in use as it has to be: changed files are put back before anything goes by them.

use super::gateway::in_use;
use super::restore;
use super::{Applied, Current, Gateway, OnDrift, Report, RunError, generation};
use crate::host::FileError;
use crate::primitives::sentence;

/// What is in use, after its files were put back where somebody or something changed them. It
/// needs no network: the bundle is kept in the generation.
pub(super) fn mend(gateway: &Gateway, report: &mut Report) -> Result<Current, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let current = in_use(gateway)?;
    let linked = generation::linked(files, state).map_err(RunError::Directories)?;
    let Some(place) = linked.map(|linked| state.join(linked)) else { return Ok(current) };
    let wish = gateway.drift;
    match &current {
        Current::None => Ok(current),
        Current::Damaged { why } if wish == OnDrift::Report => {
            report.drift.push(format!("put the files of the release back: {why}"));
            Ok(current)
        }
        Current::Damaged { why } => {
            let original = match restore::original(files, &place) {
                Ok(original) => original,
                Err(error) => {
                    let why = format!("{why}; {}", sentence(&error));
                    return Ok(Current::Damaged { why });
                }
            };
            report.steps.push(format!("put files back: {why}"));
            put_back(gateway, &original, report).map_err(RunError::Damaged)?;
            in_use(gateway)
        }
        Current::Whole(generation) => {
            if wish == OnDrift::Repair {
                // What only another day would have needed is no reason to fail today.
                match restore::keep(files, &place, generation) {
                    Ok(missing) => note(report, usize::from(missing)),
                    Err(error) => report.warnings.push(sentence(&error)),
                }
            }
            Ok(current)
        }
    }
}

fn put_back(
    gateway: &Gateway,
    original: &restore::Original,
    report: &mut Report,
) -> Result<(), FileError> {
    let (files, run) = (gateway.machine.files, &gateway.config.paths.run);
    let mut applied = Applied::load(files, run);
    // First, so that a crash between the two leaves what is to be started again.
    if original.strike(&mut applied) {
        applied.save(files, run)?;
    }
    original.put_back(files)?;
    note(report, original.changed.len());
    Ok(())
}

fn note(report: &mut Report, files: usize) {
    if files > 0 {
        report.repaired.get_or_insert_default().files += u32::try_from(files).unwrap_or(u32::MAX);
    }
}
