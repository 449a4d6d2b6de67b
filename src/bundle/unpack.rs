//! Reading a bundle: the bytes were verified before, and are still believed nothing.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::pack::archive;
use super::ustar::{self, Entry};
use super::{BundleError, Limits, Manifest, Unit, gzip};
use crate::primitives::{ArtifactPath, ArtifactSet, Digest};

/// Takes a bundle apart, or refuses all of it. What comes back packs into the same archive byte
/// for byte, so there is nothing in the bundle that was not looked at.
///
/// Only the archive is compared, not its compressed form: that may differ between versions of
/// the compressor, and gateways need not have the version of the machine that built the release.
pub fn unpack(bytes: &[u8]) -> Result<(Manifest, ArtifactSet), BundleError> {
    unpack_within(bytes, &Limits::GATEWAY)
}

/// [`unpack`] with limits of one's own.
pub fn unpack_within(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(Manifest, ArtifactSet), BundleError> {
    let tar = gzip::decompress(bytes, limits)?;
    let (json, files) = entries(&tar, limits)?;
    if archive(json, &files) != tar {
        return Err(BundleError::Layout);
    }
    let manifest = read_manifest(json)?;
    check_files(&manifest, &files)?;
    check_units(&manifest)?;
    Ok((manifest, files))
}

/// The manifest and the other files of an archive.
fn entries<'a>(
    mut archive: &'a [u8],
    limits: &Limits,
) -> Result<(&'a [u8], ArtifactSet), BundleError> {
    let mut manifest = None;
    let mut files = ArtifactSet::default();
    let mut count = 0;
    while let Some(entry) = ustar::next(&mut archive, limits.file)? {
        count += 1;
        if count > limits.entries {
            return Err(BundleError::TooLarge { what: "entries", limit: limits.entries });
        }
        let (name, content) = match entry {
            Entry::Directory { name } => (name, None),
            Entry::File { name, content } => (name, Some(content)),
        };
        let path: ArtifactPath =
            name.parse().map_err(|source| BundleError::Path { entry: name, source })?;
        match (content, manifest) {
            (Some(content), None) if path.as_str() == Manifest::PATH => manifest = Some(content),
            (_, None) => return Err(BundleError::NoManifest),
            (Some(_), Some(_)) if path.as_str() == Manifest::PATH || files.get(&path).is_some() => {
                return Err(BundleError::Duplicate(path));
            }
            (Some(content), Some(_)) => drop(files.insert(path, content)),
            // Which directories there are follows from the files: compared as a whole later.
            (None, Some(_)) => {}
        }
    }
    manifest.map(|manifest| (manifest, files)).ok_or(BundleError::NoManifest)
}

fn read_manifest(json: &[u8]) -> Result<Manifest, BundleError> {
    /// What every format of the manifest has, for ever.
    #[derive(Deserialize)]
    struct AnyFormat {
        format: u64,
    }
    let AnyFormat { format } = serde_json::from_slice(json).map_err(BundleError::Manifest)?;
    if format != u64::from(Manifest::FORMAT) {
        return Err(BundleError::Format { found: format, known: Manifest::FORMAT });
    }
    let manifest: Manifest = serde_json::from_slice(json).map_err(BundleError::Manifest)?;
    // Also finds a key that stands there twice, of which serde_json would keep the last.
    if manifest.to_json() != json {
        return Err(BundleError::Spelling);
    }
    Ok(manifest)
}

fn check_files(manifest: &Manifest, files: &ArtifactSet) -> Result<(), BundleError> {
    if let Some(path) = manifest.files.keys().find(|path| files.get(path).is_none()) {
        return Err(BundleError::Missing(path.clone()));
    }
    for (path, content) in files.iter() {
        let Some(listed) = manifest.files.get(path) else {
            return Err(BundleError::NotListed(path.clone()));
        };
        if listed.length != content.len() as u64 || listed.sha256 != Digest::of(content) {
            return Err(BundleError::Altered(path.clone()));
        }
    }
    Ok(())
}

fn check_units(manifest: &Manifest) -> Result<(), BundleError> {
    let mut names = BTreeSet::new();
    let mut devices = BTreeSet::new();
    for unit in &manifest.units {
        let name = unit.name();
        let refuse = |problem| Err(BundleError::Unit { unit: name.clone(), problem });
        if !names.insert(name.clone()) {
            return refuse("stands there twice");
        }
        if unit.file().is_some_and(|file| !manifest.files.contains_key(file)) {
            return refuse("needs a file that the bundle does not have");
        }
        match unit {
            Unit::Tunnel { device, .. } => drop(devices.insert(*device)),
            Unit::Routes { routes } => {
                if routes.iter().any(|route| !devices.contains(&route.device)) {
                    return refuse("has a route through a tunnel that does not come before it");
                }
                if routes.iter().any(|route| route.to != route.to.trunc()) {
                    return refuse("has a route to an address that is not the first of its prefix");
                }
            }
            _ => {}
        }
    }
    Ok(())
}
