//! The names of delegated roles, which whoever delegates chooses freely.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::Role;

/// The longest name, as it stands in file names, in bytes: room for a version before it and
/// `.json` after it in the 255 that a file system has.
const MAX: usize = 200;

/// The name of a delegated role (TUF specification §4.5).
///
/// It stands in paths and messages, so it is never shown as it is: what is not a letter, a digit or
/// one of `-._~` is percent-encoded (RFC 3986 §2.1), as other TUF clients do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RoleName(String);

/// A text that is no name of a delegated role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNameError {
    /// No name, or one that means something else.
    #[error("a delegated role cannot have the name {0:?}")]
    Taken(String),
    /// A name that makes no file name.
    #[error("the name of a delegated role has more than {MAX} bytes")]
    TooLong,
}

impl RoleName {
    /// The name as other metadata write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the role's file where only the newest is kept, such as `team-a.json`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{self}.json")
    }

    /// The role whose file has this name, if it is that of a delegated one.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let encoded = name.strip_suffix(".json")?;
        let role = Self::try_from(decode(encoded)?).ok()?;
        // A name has one spelling.
        (role.to_string() == encoded).then_some(role)
    }

    /// How snapshot metadata call the role's file: with the name as it is (§4.4).
    pub(super) fn meta_name(&self) -> String {
        format!("{}.json", self.0)
    }

    /// The path in a repository of the role's metadata of `version`.
    pub(super) fn path(&self, version: Option<u64>) -> String {
        match version {
            Some(version) => format!("metadata/{version}.{self}.json"),
            None => format!("metadata/{self}.json"),
        }
    }
}

impl TryFrom<String> for RoleName {
    type Error = RoleNameError;

    fn try_from(text: String) -> Result<Self, RoleNameError> {
        if text.is_empty() || Role::ALL.iter().any(|role| role.as_str() == text) {
            return Err(RoleNameError::Taken(text));
        }
        let name = Self(text);
        if name.to_string().len() > MAX {
            return Err(RoleNameError::TooLong);
        }
        Ok(name)
    }
}

/// Percent-encoded, so that it is a file name, and says nothing else to a terminal.
impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

/// All but the unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` with all but unreserved characters percent-encoded.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<RoleName, RoleNameError> {
        RoleName::try_from(text.to_owned())
    }

    #[test]
    fn are_safe_file_names() {
        for (text, file) in [
            ("team-a", "team-a.json"),
            ("registry.npmjs.org", "registry.npmjs.org.json"),
            ("../../etc/passwd", "..%2F..%2Fetc%2Fpasswd.json"),
            ("/", "%2F.json"),
            ("?", "%3F.json"),
            ("#", "%23.json"),
            ("%2F", "%252F.json"),
            ("a\n\u{1b}[31m", "a%0A%1B%5B31m.json"),
            ("é", "%C3%A9.json"),
            (".", "..json"),
        ] {
            let role = name(text).unwrap();
            assert_eq!(role.file_name(), file);
            assert_eq!(RoleName::of_file(file), Some(role));
        }
    }

    /// Or the metadata of a delegated role would replace those of a top-level one.
    #[test]
    fn are_not_those_of_the_top() {
        for taken in ["", "root", "timestamp", "snapshot", "targets"] {
            assert!(name(taken).is_err(), "{taken:?}");
        }
        assert!(name(&"x".repeat(200)).is_ok());
        assert!(name(&"x".repeat(201)).is_err());
        assert!(name(&"é".repeat(34)).is_err(), "encoded they are longer");
        for other in ["root.json", "x", "%2f.json", "%.json", "%zz.json", "r%6Fot.json", ".json"] {
            assert_eq!(RoleName::of_file(other), None, "{other}");
        }
    }
}
