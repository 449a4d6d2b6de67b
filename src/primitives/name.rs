//! Names of meshes, LANs and gateways.

use std::fmt;
use std::str::FromStr;

use super::serde_as_text;

/// The name of a mesh, a LAN, a gateway or an underlay.
///
/// One rule for all of them, strict enough that a name is at once a file name, a systemd instance
/// name, a git branch component, a DNS label (RFC 1123 §2.1) and needs no quoting in any shell:
/// 1 to 63 of `a-z`, `0-9` and `-`, beginning and ending with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text is longer than a DNS label may be.
    #[error("a name has at most 63 characters, this one has {0}")]
    TooLong(usize),
    /// The text has a character that a file, unit, branch or host name cannot carry.
    #[error("a name consists of a-z, 0-9 and -, so {0:?} cannot stand in it")]
    Character(char),
    /// The text begins or ends with a hyphen.
    #[error("a name must begin and end with a letter or digit")]
    Hyphen,
}

impl Name {
    /// The length of a DNS label (RFC 1035 §2.3.4), in bytes.
    pub const MAX_LENGTH: usize = 63;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(c) = text.chars().find(|&c| !allowed(c)) {
            return Err(NameError::Character(c));
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(NameError::TooLong(text.len()));
        }
        if text.starts_with('-') || text.ends_with('-') {
            return Err(NameError::Hyphen);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Lets maps with [`Name`] keys be looked up by plain text.
impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

serde_as_text!(Name);

impl schemars::JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
            "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_may_be() {
        for good in ["a", "7", "perth", "vpc1-a", "a--b", &"x".repeat(63)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_a_name_may_not_be() {
        let cases = [
            ("", NameError::Empty),
            ("-a", NameError::Hyphen),
            ("a-", NameError::Hyphen),
            ("Perth", NameError::Character('P')),
            ("a/b", NameError::Character('/')),
            ("a b", NameError::Character(' ')),
            ("..", NameError::Character('.')),
            ("zürich", NameError::Character('ü')),
            (&"x".repeat(64), NameError::TooLong(64)),
        ];
        for (bad, error) in cases {
            assert_eq!(bad.parse::<Name>(), Err(error), "{bad:?}");
        }
    }
}
