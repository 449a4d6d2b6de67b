//! A target as verified metadata describe it, whatever it is.

use super::Request;
use crate::tuf::Hashes;
use crate::tuf::metadata::TargetFile;
use crate::tuf::role_name::encode;

/// What a target must be (specification 5.7): of a certain length, with certain hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFile {
    path: String,
    length: u64,
    hashes: Hashes,
    consistent: bool,
    limit: u64,
}

impl VerifiedFile {
    pub(super) fn new(path: &str, file: &TargetFile, consistent: bool, limit: u64) -> Self {
        let TargetFile { length, hashes, .. } = file;
        Self { path: path.to_owned(), length: *length, hashes: hashes.clone(), consistent, limit }
    }

    /// Where the file is, and how many bytes to read.
    #[must_use]
    pub fn request(&self) -> Request {
        let (directory, name) = match self.path.rsplit_once('/') {
            Some((directory, name)) => (format!("{directory}/"), name),
            None => (String::new(), self.path.as_str()),
        };
        let directory = directory.split('/').map(encode).collect::<Vec<_>>().join("/");
        let name = encode(name);
        // 5.7.3: one of its hashes stands before its name.
        let hash = self.consistent.then(|| self.hashes.first_known()).flatten();
        let name = hash.map_or_else(|| name.clone(), |hash| format!("{hash}.{name}"));
        Request { path: format!("targets/{directory}{name}"), limit: self.length.min(self.limit) }
    }

    /// Whether `bytes` are the file.
    #[must_use]
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.length && self.hashes.match_bytes(bytes)
    }
}
