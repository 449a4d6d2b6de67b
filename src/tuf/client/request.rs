//! Files that a client asks for.

/// A file that an update wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its path in the repository, such as `metadata/timestamp.json`, with what cannot stand in a
    /// URL percent-encoded.
    pub path: String,
    /// How many bytes of it to read at most. Reading one more, to see that there are more, is
    /// fine: it will be refused for its size.
    pub limit: u64,
}
