//! Generations on disk: bundles as unpacked, one directory each, never changed once complete.

mod candidate;
mod repair;
mod restore;
mod stage;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bundle::{Limits, Manifest};
use crate::host::{FileError, Files, Kind};
use crate::primitives::{ArtifactSet, Digest};

pub(super) use candidate::addressed;
pub use candidate::{Candidate, Refusal};
pub(super) use repair::{distrust_changed, repair_files};
#[cfg(test)]
pub(super) use restore::BUNDLE;
pub use restore::RestoreError;
pub(super) use stage::{prune, stage, switch, unlink};

/// A generation whose files are those of its manifest, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Which one it is.
    pub label: Label,
    /// What it asks for.
    pub manifest: Manifest,
    /// The files that its units are made of.
    pub files: ArtifactSet,
}

/// Which bundle a generation was unpacked from. Stands in it as `.generation.json`, a name that no
/// artifact can have.
///
/// Format 1 is written and read by Tieline 0.1. Fields that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// The version of this format: 1.
    pub format: u32,
    /// The release that brought the bundle here.
    pub release: u64,
    /// The digest of the bundle.
    pub digest: Digest,
    /// The digest of its bundle.json, which holds the digests of everything else.
    pub manifest: Digest,
}

/// What `current` points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Current {
    /// Nothing yet.
    None,
    /// A generation.
    Whole(Box<Generation>),
    /// Something that is not what was unpacked there: it gets unpacked again.
    Damaged {
        /// What is wrong with it.
        why: String,
    },
}

impl Current {
    /// The digest of the bundle in use, if it is whole.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Whole(generation) => Some(generation.label.digest),
            Self::None | Self::Damaged { .. } => None,
        }
    }
}

impl Label {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    /// Where it stands in the generation.
    pub(super) const FILE: &'static str = ".generation.json";
    /// The most it is long, in bytes.
    const LIMIT: u64 = 4096;

    /// Its bytes on disk.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The name of the directory: `<release>-<digest12>`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.release, self.digest.short())
    }
}

/// The directory of all generations.
pub(super) fn directory(state: &Utf8Path) -> Utf8PathBuf {
    state.join("generations")
}

/// The names of all generations, whole or not, in the order of their releases.
pub(super) fn names(files: &dyn Files, state: &Utf8Path) -> Result<Vec<String>, FileError> {
    let mut known: Vec<(u64, String)> = Vec::new();
    for name in files.list(&directory(state))? {
        known.extend(release(&name).map(|release| (release, name)));
    }
    known.sort();
    Ok(known.into_iter().map(|(_, name)| name).collect())
}

/// The release in the name of a generation; `None` for a name that none has.
pub(super) fn release(name: &str) -> Option<u64> {
    name.split_once('-').and_then(|(release, _)| release.parse().ok())
}

/// Where `current` points.
pub(super) fn linked(
    files: &dyn Files,
    state: &Utf8Path,
) -> Result<Option<Utf8PathBuf>, FileError> {
    files.read_link(&state.join("current"))
}

/// Reads what `current` points at, and checks every file of it.
pub fn current(files: &dyn Files, state: &Utf8Path) -> Result<Current, FileError> {
    let Some(target) = linked(files, state)? else { return Ok(Current::None) };
    match load(files, &state.join(target)) {
        Ok(generation) => Ok(Current::Whole(Box::new(generation))),
        Err(why) => Ok(Current::Damaged { why }),
    }
}

/// Reads one generation, and checks every file of it. The error is a sentence about what is wrong.
pub(super) fn load(files: &dyn Files, place: &Utf8Path) -> Result<Generation, String> {
    let read = |name: &str, limit: u64| {
        files.read(&place.join(name), limit).map_err(|error| error.to_string())
    };
    let label = read(Label::FILE, Label::LIMIT)?;
    let label: Label = serde_json::from_slice(&label)
        .map_err(|error| format!("{}: {error}", place.join(Label::FILE)))?;
    if label.format != Label::FORMAT {
        return Err(format!("{place} is of another version of Tieline"));
    }
    let limit = u64::try_from(Limits::GATEWAY.file).unwrap_or(u64::MAX);
    let manifest = read(Manifest::PATH, limit)?;
    if Digest::of(&manifest) != label.manifest {
        return Err(format!("{} was changed", place.join(Manifest::PATH)));
    }
    let manifest: Manifest = serde_json::from_slice(&manifest)
        .map_err(|error| format!("{}: {error}", place.join(Manifest::PATH)))?;
    for own in [Label::FILE, Manifest::PATH] {
        if !is_plain(files, place, own.into()) {
            return Err(format!("{} was replaced or has other permissions", place.join(own)));
        }
    }
    let mut artifacts = ArtifactSet::default();
    for (path, entry) in &manifest.files {
        if !is_plain(files, place, path.as_str().into()) {
            let path = place.join(path.as_str());
            return Err(format!("{path} is missing, was replaced or has other permissions"));
        }
        let content = read(path.as_str(), limit)?;
        if Digest::of(&content) != entry.sha256 {
            return Err(format!("{} was changed", place.join(path.as_str())));
        }
        artifacts.insert(path.clone(), content);
    }
    Ok(Generation { label, manifest, files: artifacts })
}

/// Whether `path` in the generation at `place` is a file that everybody may read, in directories:
/// what a link points at now is no promise for the next moment.
pub(super) fn is_plain(files: &dyn Files, place: &Utf8Path, path: &Utf8Path) -> bool {
    let is = |path: &Utf8Path, kind: Kind| files.kind(path).is_ok_and(|there| there == Some(kind));
    let mut directories = path.ancestors().skip(1).filter(|above| !above.as_str().is_empty());
    is(&place.join(path), Kind::PUBLIC)
        && directories.all(|above| is(&place.join(above), Kind::Directory))
}
