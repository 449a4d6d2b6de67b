//! Writing a bundle.

use std::collections::BTreeSet;

use super::{Manifest, gzip, ustar};
use crate::primitives::{ArtifactSet, Digest};

/// A packed bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The `.tar.gz`.
    pub bytes: Vec<u8>,
    /// Its SHA-256: what a release signs.
    pub digest: Digest,
}

/// Packs a manifest and the files it lists. The same input gives the same bytes on every machine
/// and every day.
#[must_use]
pub fn pack(manifest: &Manifest, files: &ArtifactSet) -> Bundle {
    let bytes = gzip::compress(&archive(&manifest.to_json(), files));
    let digest = Digest::of(&bytes);
    Bundle { bytes, digest }
}

/// The tar archive inside a bundle: the manifest first, then everything else sorted by path, each
/// directory before what is in it.
pub(super) fn archive(manifest: &[u8], files: &ArtifactSet) -> Vec<u8> {
    let mut out = Vec::new();
    ustar::file(&mut out, Manifest::PATH, manifest);
    let mut made = BTreeSet::new();
    for (path, content) in files.iter() {
        for directory in path.parents() {
            if made.insert(directory) {
                ustar::directory(&mut out, directory);
            }
        }
        ustar::file(&mut out, path.as_str(), content);
    }
    ustar::end(&mut out);
    out
}
