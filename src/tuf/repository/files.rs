//! Files of a repository.

use crate::primitives::Name;

/// A file to be written into a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path in the repository, such as `metadata/1.root.json`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl NewFile {
    /// The gateway whose bundle it is, if it is one.
    #[must_use]
    pub fn gateway(&self) -> Option<Name> {
        let file = self.path.strip_prefix("targets/")?.strip_suffix(".tar.gz")?;
        file.split_once('.')?.1.parse().ok()
    }
}
