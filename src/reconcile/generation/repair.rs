//! The files of the generation in use: those that were changed are restored before anything goes by
//! them.

use camino::Utf8Path;

use super::{Candidate, Current, linked, restore};
use crate::host::FileError;
use crate::primitives::error_chain;
use crate::reconcile::events::Event;
use crate::reconcile::gateway::{Gateway, OnDrift};
use crate::reconcile::units::{Applied, Changes};

/// What is in use, after its files were restored where somebody or something changed them. It
/// needs no network: the bundle is kept in the generation.
pub(in crate::reconcile) fn repair_files(
    gateway: &Gateway,
    current: Current,
) -> Result<Current, FileError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let Some(place) = linked(files, state)?.map(|linked| state.join(linked)) else {
        return Ok(current);
    };
    let on_drift = gateway.drift;
    match current {
        Current::None => Ok(current),
        Current::Damaged { why } if on_drift == OnDrift::Report => {
            gateway
                .events
                .note(Event::DriftLeft(format!("restore the files of the release: {why}")));
            Ok(Current::Damaged { why })
        }
        Current::Damaged { why } => {
            let original = match restore::original(files, &place) {
                Ok(original) => original,
                Err(error) => {
                    let why = format!("{why}; {}", error_chain(&error));
                    return Ok(Current::Damaged { why });
                }
            };
            gateway.events.progress(format!("restore files: {why}"));
            restore(gateway, &original)?;
            super::current(files, state)
        }
        Current::Whole(generation) => {
            if on_drift == OnDrift::Repair {
                // What only another day would have needed is no reason to fail today.
                match restore::keep(files, &place, &generation) {
                    Ok(missing) => note(gateway, usize::from(missing)),
                    Err(error) => gateway.events.warn(error_chain(&error)),
                }
            }
            Ok(Current::Whole(generation))
        }
    }
}

/// Has started again what may have read a changed file of the generation at `place`, which is about to
/// be made whole by the bundle it came from.
pub(in crate::reconcile) fn distrust_changed(
    gateway: &Gateway,
    place: &Utf8Path,
    candidate: &Candidate,
) -> Result<(), FileError> {
    let bytes = candidate.bytes().to_vec();
    match restore::unpacked(gateway.machine.files, place, candidate.release(), bytes) {
        Ok(original) => strike(gateway, &original),
        // What cannot be unpacked has been refused before.
        Err(_) => Ok(()),
    }
}

/// Forgets that what reads a changed file is as it should be.
fn strike(gateway: &Gateway, original: &restore::Original) -> Result<(), FileError> {
    let (files, run) = (gateway.machine.files, &gateway.config.paths.run);
    let mut applied = Applied::load(files, run);
    if original.strike(&mut applied) { applied.save(files, run) } else { Ok(()) }
}

fn restore(gateway: &Gateway, original: &restore::Original) -> Result<(), FileError> {
    // First, so that a crash between the two leaves what is to be started again.
    strike(gateway, original)?;
    original.restore(gateway.machine.files)?;
    note(gateway, original.changed.len());
    Ok(())
}

fn note(gateway: &Gateway, files: usize) {
    if files > 0 {
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        gateway.events.note(Event::Repaired(Changes { files, ..Changes::default() }));
    }
}
