//! Sets of rendered files.

use std::collections::BTreeMap;

use super::ArtifactPath;

/// The rendered files of one gateway, by path, in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactSet(BTreeMap<ArtifactPath, Vec<u8>>);

impl ArtifactSet {
    /// Adds a file; one that was there under the same path is replaced and handed back.
    pub fn insert(&mut self, path: ArtifactPath, content: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
        self.0.insert(path, content.into())
    }

    /// The content of the file at `path`.
    #[must_use]
    pub fn get(&self, path: &ArtifactPath) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }

    /// All files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&ArtifactPath, &[u8])> {
        self.0.iter().map(|(path, content)| (path, content.as_slice()))
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
