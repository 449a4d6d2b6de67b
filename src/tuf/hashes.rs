//! Hashes of files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512};

use super::hex;
use crate::primitives::Digest;

/// The hashes of one file by algorithm, in hexadecimal (TUF specification §4.2, `HASHES`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hashes(BTreeMap<String, String>);

impl Hashes {
    /// The hashes we write: SHA-256.
    pub(super) fn sha256(digest: Digest) -> Self {
        Self(BTreeMap::from([("sha256".to_owned(), digest.to_string())]))
    }

    /// The SHA-256, if it is among them.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.0.get("sha256")?.parse().ok()
    }

    /// The first hash of an algorithm that we know, in hexadecimal.
    pub(super) fn first_known(&self) -> Option<&str> {
        let known = ["sha256", "sha512"].into_iter().find_map(|name| self.0.get(name));
        known.map(String::as_str).filter(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// Whether every hash that we can compute is that of `bytes`, and there is one that we can.
    pub(super) fn match_bytes(&self, bytes: &[u8]) -> bool {
        let known = |algorithm: &str| match algorithm {
            "sha256" => Some(Digest::of(bytes).to_string()),
            "sha512" => Some(hex::encode(&Sha512::digest(bytes))),
            _ => None,
        };
        let mut checked = self.0.iter().filter_map(|(name, hash)| Some(*hash == known(name)?));
        // A hash of no known algorithm would be no check at all.
        checked.next() == Some(true) && checked.all(|matches| matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(pairs: &[(&str, &str)]) -> Hashes {
        Hashes(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn all_known_ones_must_match_and_one_must_be_known() {
        let sha256 = Digest::of(b"x").to_string();
        let sha512 = hex::encode(&Sha512::digest(b"x"));
        assert!(hashes(&[("sha256", &sha256)]).match_bytes(b"x"));
        assert!(hashes(&[("sha512", &sha512)]).match_bytes(b"x"));
        assert!(hashes(&[("md5", "00"), ("sha256", &sha256)]).match_bytes(b"x"));
        assert!(!hashes(&[("sha256", &sha256)]).match_bytes(b"y"));
        assert!(!hashes(&[("sha256", &sha256.to_uppercase())]).match_bytes(b"x"));
        assert!(!hashes(&[("sha256", &sha256), ("sha512", &sha256)]).match_bytes(b"x"));
        assert!(!hashes(&[("md5", "9dd4e461268c8034f5c8564e155c67a6")]).match_bytes(b"x"));
        assert!(!hashes(&[]).match_bytes(b"x"));
    }
}
