//! Files of a repository.

/// A file to be written into a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path in the repository, such as `metadata/1.root.json`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}
