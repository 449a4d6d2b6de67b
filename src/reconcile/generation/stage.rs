//! A verified bundle onto the disk, and the link onto it.

use camino::{Utf8Path, Utf8PathBuf};

use super::candidate::Candidate;
use super::{Label, directory, linked, load, names, restore};
use crate::bundle::Manifest;
use crate::host::{FileError, Files, Mode};
use crate::primitives::Digest;

/// How many generations are kept: the current one, and two to go back to.
const KEPT: usize = 3;

/// What a directory is called while it is being filled. No generation begins with a dot.
const UNFINISHED: &str = ".staging";

/// Unpacks a candidate into a directory of its own, on the disk when this returns. Nothing is
/// under the generation's name before all of it is there.
pub(in crate::reconcile) fn stage(
    files: &dyn Files,
    state: &Utf8Path,
    candidate: &Candidate,
) -> Result<Label, FileError> {
    let generations = directory(state);
    files.create_dir(&generations)?;
    files.sync_dir(state)?;
    let manifest = candidate.manifest().to_json();
    let label = Label {
        format: Label::FORMAT,
        release: candidate.release(),
        digest: candidate.digest(),
        manifest: Digest::of(&manifest),
    };
    let place = generations.join(label.name());
    if load(files, &place).is_ok_and(|there| there.label == label) {
        return Ok(label);
    }
    let unfinished = generations.join(UNFINISHED);
    files.remove(&unfinished)?;
    files.create_dir(&unfinished)?;
    fill(files, &unfinished, candidate, &manifest, &label)?;
    // What has this name already is damaged, or it would have been taken as it is.
    files.remove(&place)?;
    files.rename(&unfinished, &place)?;
    Ok(label)
}

fn fill(
    files: &dyn Files,
    place: &Utf8Path,
    candidate: &Candidate,
    manifest: &[u8],
    label: &Label,
) -> Result<(), FileError> {
    let mut directories: Vec<Utf8PathBuf> = Vec::new();
    for (path, content) in candidate.files().iter() {
        for parent in path.parents() {
            let directory = place.join(parent);
            if !directories.contains(&directory) {
                files.create_dir(&directory)?;
                directories.push(directory);
            }
        }
        files.create(&place.join(path.as_str()), content, Mode::Public)?;
    }
    files.create(&place.join(Manifest::PATH), manifest, Mode::Public)?;
    files.create(&place.join(Label::FILE), &label.to_json(), Mode::Public)?;
    files.create(&place.join(restore::BUNDLE), candidate.bytes(), Mode::Public)?;
    for directory in directories.iter().rev() {
        files.sync_dir(directory)?;
    }
    files.sync_dir(place)
}

/// Makes `current` point at a generation, in one step.
pub(in crate::reconcile) fn switch(
    files: &dyn Files,
    state: &Utf8Path,
    label: &Label,
) -> Result<(), FileError> {
    let target = Utf8Path::new("generations").join(label.name());
    files.replace_link(&state.join("current"), &target)
}

/// Makes `current` point at nothing, as before the first generation.
pub(in crate::reconcile) fn unlink(files: &dyn Files, state: &Utf8Path) -> Result<(), FileError> {
    files.remove(&state.join("current"))?;
    files.sync_dir(state)
}

/// Removes all generations but the current one and those that were `used` most lately. The numbers of releases say less about what is worth keeping:
/// one that an attacker chose stays the highest for ever.
pub(in crate::reconcile) fn prune(
    files: &dyn Files,
    state: &Utf8Path,
    used: &[String],
) -> Result<(), FileError> {
    let generations = directory(state);
    let there = files.list(&generations)?;
    let known = names(files, state)?;
    let current = linked(files, state)?;
    let current = current.as_deref().and_then(Utf8Path::file_name).map(str::to_owned);
    let mut kept: Vec<&String> = Vec::new();
    for name in current.iter().chain(used).chain(known.iter().rev()) {
        if kept.len() < KEPT && known.contains(name) && !kept.contains(&name) {
            kept.push(name);
        }
    }
    for name in there.iter().filter(|name| !kept.contains(name)) {
        files.remove(&generations.join(name))?;
    }
    Ok(())
}
