//! Paths of artifacts inside a bundle.

use std::fmt;
use std::str::FromStr;

use super::serde_as_text;

/// The path of one artifact inside a bundle, such as `openvpn/tl-3.conf`.
///
/// Relative, `/` between components; a component consists of `a-z`, `0-9`, `-`, `_` and `.`, and
/// does not begin with a dot. So no path leaves the generation it is unpacked into, no two differ
/// by case or Unicode form alone, and `..` cannot be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactPath(String);

/// Why a text is not an [`ArtifactPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactPathError {
    /// The text is longer than the name field of a tar header.
    #[error("an artifact path has at most 100 bytes, this one has {0}")]
    TooLong(usize),
    /// A component is empty, begins with a dot, or has a character outside the allowed set.
    #[error(
        "an artifact path is relative, of a-z, 0-9, -, _ and ., no component empty or beginning \
         with a dot; {0:?} is not"
    )]
    Component(String),
}

impl ArtifactPath {
    /// The size of the name field of a ustar header (POSIX.1-2017, pax, "ustar Header Block").
    pub const MAX_LENGTH: usize = 100;

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directories above the file, outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(end, _)| self.0.get(..end))
    }
}

impl FromStr for ArtifactPath {
    type Err = ArtifactPathError;

    fn from_str(text: &str) -> Result<Self, ArtifactPathError> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        if text.len() > Self::MAX_LENGTH {
            return Err(ArtifactPathError::TooLong(text.len()));
        }
        for component in text.split('/') {
            let good = !component.is_empty() && !component.starts_with('.');
            if !good || !component.bytes().all(allowed) {
                return Err(ArtifactPathError::Component(component.to_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(ArtifactPath);

impl schemars::JsonSchema for ArtifactPath {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ArtifactPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "path of an artifact inside the bundle",
            "pattern": "^[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*$",
            "maxLength": Self::MAX_LENGTH,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside_the_bundle() {
        for good in ["bundle.json", "openvpn/tl-3.conf", "a/b/c"] {
            assert_eq!(good.parse::<ArtifactPath>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            ".git",
            "A",
            "a b",
            "é",
            "a\0",
            "a\\b",
        ] {
            assert!(bad.parse::<ArtifactPath>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(101).parse::<ArtifactPath>().is_err());
    }

    #[test]
    fn knows_its_directories() {
        let path: ArtifactPath = "a/b/c".parse().unwrap();
        assert_eq!(path.parents().collect::<Vec<_>>(), ["a", "a/b"]);
    }
}
