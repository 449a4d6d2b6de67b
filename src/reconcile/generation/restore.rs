//! Files of a generation that were changed by hand: restored from the bundle that is kept in it,
//! without any network.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Generation, Label, is_plain};
use crate::bundle::{BundleError, Limits, Manifest, pack, unpack};
use crate::host::{FileError, Files, Kind, Mode};
use crate::primitives::Digest;
use crate::reconcile::units::{self, Applied};

/// What the bundle is called in its generation; no artifact can have that name.
pub(in crate::reconcile) const BUNDLE: &str = ".bundle.tar.gz";

/// Why a generation cannot be restored as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The bundle in it is gone or is another.
    #[error("{path} is not the bundle that was unpacked there")]
    Bundle {
        /// Where it should be.
        path: Utf8PathBuf,
    },
    /// The bundle is whole, and is none to this version.
    #[error("{path} cannot be unpacked")]
    Unpack {
        /// The bundle.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: Box<BundleError>,
    },
    /// A file could not be read or written.
    #[error("cannot put the files of the generation in use back")]
    File(#[from] FileError),
}

/// A generation as it has to be.
#[derive(Debug)]
pub(super) struct Original {
    /// The generation.
    pub(super) generation: Generation,
    /// Every file of it.
    files: BTreeMap<Utf8PathBuf, Vec<u8>>,
    /// Those that are not as they should be.
    pub(super) changed: BTreeSet<Utf8PathBuf>,
    place: Utf8PathBuf,
}

/// Looks up in the bundle how the generation at `place` has to be. Nothing is changed yet.
pub(super) fn original(files: &dyn Files, place: &Utf8Path) -> Result<Original, RestoreError> {
    let path = place.join(BUNDLE);
    let wrong = || RestoreError::Bundle { path: path.clone() };
    let (release, short) = named(place).ok_or_else(wrong)?;
    let bytes = files.read(&path, limit()).map_err(|_| wrong())?;
    // The label says all of the digest, but may be what was changed; the name says enough to tell
    // damage.
    if Digest::of(&bytes).short() != short {
        return Err(wrong());
    }
    unpacked(files, place, release, bytes)
}

/// How the generation at `place` has to be by a bundle that came with `release`.
pub(super) fn unpacked(
    files: &dyn Files,
    place: &Utf8Path,
    release: u64,
    bytes: Vec<u8>,
) -> Result<Original, RestoreError> {
    let (path, digest) = (place.join(BUNDLE), Digest::of(&bytes));
    let (manifest, artifacts) = unpack(&bytes).map_err(|error| {
        let (path, source) = (path.clone(), Box::new(error));
        RestoreError::Unpack { path, source }
    })?;
    let json = manifest.to_json();
    let label = Label { format: Label::FORMAT, release, digest, manifest: Digest::of(&json) };
    let mut all: BTreeMap<Utf8PathBuf, Vec<u8>> = BTreeMap::new();
    for (path, content) in artifacts.iter() {
        all.insert(path.as_str().into(), content.to_vec());
    }
    all.insert(Manifest::PATH.into(), json);
    all.insert(Label::FILE.into(), label.to_json());
    all.insert(BUNDLE.into(), bytes);
    let changed = all.iter().filter(|(path, content)| !is_as(files, place, path, content));
    let changed = changed.map(|(path, _)| path.clone()).collect();
    let generation = Generation { label, manifest, files: artifacts };
    Ok(Original { generation, files: all, changed, place: place.to_owned() })
}

impl Original {
    /// Restores what was changed: file by file, each at once, so that a crash leaves less to do.
    pub(super) fn restore(&self, files: &dyn Files) -> Result<(), FileError> {
        for path in &self.changed {
            let mut directory = self.place.clone();
            for part in path.parent().into_iter().flat_map(Utf8Path::components) {
                directory.push(part);
                if files.kind(&directory)? != Some(Kind::Directory) {
                    // Of a link, the link goes and not what it points at.
                    files.remove(&directory)?;
                    files.create_dir(&directory)?;
                }
            }
            let place = self.place.join(path);
            if files.kind(&place)? == Some(Kind::Directory) {
                files.remove(&place)?;
            }
            let content = self.files.get(path).map(Vec::as_slice).unwrap_or_default();
            files.replace(&place, content, Mode::Public)?;
        }
        Ok(())
    }

    /// Strikes out of `applied` what may have been started with a changed file: nobody knows
    /// whether its process has read it.
    pub(super) fn strike(&self, applied: &mut Applied) -> bool {
        let changed = |path: &str| self.changed.contains(Utf8Path::new(path));
        let units = self.generation.manifest.units.iter();
        let units = units.filter(|unit| unit.file().is_some_and(|file| changed(file.as_str())));
        units.flat_map(units::ids).fold(false, |struck, id| applied.strike(&id) | struck)
    }
}

/// Puts the bundle back where it is missing from a generation that is whole otherwise. True if it
/// had to be. A bundle that another program packed cannot be packed again, and stays missing.
pub(super) fn keep(
    files: &dyn Files,
    place: &Utf8Path,
    generation: &Generation,
) -> Result<bool, FileError> {
    let path = place.join(BUNDLE);
    let wanted = generation.label.digest;
    let there = files.kind(&path)? == Some(Kind::PUBLIC)
        && files.read(&path, limit()).is_ok_and(|bytes| Digest::of(&bytes) == wanted);
    if there {
        return Ok(false);
    }
    let bundle = pack(&generation.manifest, &generation.files);
    if bundle.digest != wanted {
        return Ok(false);
    }
    if files.kind(&path)? == Some(Kind::Directory) {
        files.remove(&path)?;
    }
    files.replace(&path, &bundle.bytes, Mode::Public)?;
    Ok(true)
}

/// Release and short digest, out of the name of a generation's directory.
fn named(place: &Utf8Path) -> Option<(u64, &str)> {
    let (release, digest) = place.file_name()?.split_once('-')?;
    Some((release.parse().ok()?, digest))
}

fn limit() -> u64 {
    u64::try_from(Limits::GATEWAY.file).unwrap_or(u64::MAX)
}

/// Whether `path` in the generation is a plain file with this content, in plain directories.
fn is_as(files: &dyn Files, place: &Utf8Path, path: &Utf8Path, content: &[u8]) -> bool {
    is_plain(files, place, path)
        && files.read(&place.join(path), limit()).is_ok_and(|found| found == content)
}
