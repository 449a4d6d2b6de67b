//! Names of units.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::serde_as_text;

/// The name of one unit of a gateway, `kind/name`, such as `tunnel/tl-3` or `routes/main`. It stays
/// the same from release to release, and is what journal, health, notes and metrics know a unit by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnitId {
    text: String,
    /// How long the kind is, in bytes.
    kind: usize,
}

/// A text that is not the name of a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a unit is a kind and a name, such as tunnel/tl-3")]
pub struct UnitIdError;

impl UnitId {
    /// The most a name is long, in bytes: it becomes part of file names.
    pub const LIMIT: usize = 128;

    /// The unit of this kind with this name. Both come from this program: a kind is one of its
    /// words, a name a value that was checked when it was read.
    #[must_use]
    pub fn new(kind: &'static str, name: &impl ToString) -> Self {
        let name = name.to_string();
        debug_assert!(is_kind(kind) && is_name(&name), "{kind}/{name}");
        Self { text: format!("{kind}/{name}"), kind: kind.len() }
    }

    /// The kind of unit.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text.get(..self.kind).unwrap_or_default()
    }

    /// The name among the units of its kind.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.get(self.kind + 1..).unwrap_or_default()
    }
}

fn is_kind(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    !text.is_empty() && text.bytes().all(allowed)
}

/// Nothing that could be taken for another path or for an option.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    first && text.len() <= UnitId::LIMIT && text.bytes().all(allowed)
}

/// By kind and then by name, in which numbers count as numbers: tl-2 comes before tl-10.
impl Ord for UnitId {
    fn cmp(&self, other: &Self) -> Ordering {
        let names = || natural(self.name().as_bytes(), other.name().as_bytes());
        self.kind().cmp(other.kind()).then_with(names).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for UnitId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn natural(mut one: &[u8], mut other: &[u8]) -> Ordering {
    loop {
        let (number, rest) = leading_number(one);
        let (other_number, other_rest) = leading_number(other);
        // Without leading zeros, the longer number is the larger one.
        let by_number = (number.len(), number).cmp(&(other_number.len(), other_number));
        match (by_number, rest.split_first(), other_rest.split_first()) {
            (Ordering::Equal, Some((byte, rest)), Some((other_byte, other_rest))) => {
                if byte != other_byte {
                    return byte.cmp(other_byte);
                }
                (one, other) = (rest, other_rest);
            }
            (Ordering::Equal, byte, other_byte) => return byte.cmp(&other_byte),
            (unequal, ..) => return unequal,
        }
    }
}

/// The digits that a text begins with, without leading zeros, and what follows them.
fn leading_number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    (digits.get(zeros..).unwrap_or_default(), rest)
}

impl FromStr for UnitId {
    type Err = UnitIdError;

    fn from_str(text: &str) -> Result<Self, UnitIdError> {
        let (kind, name) = text.split_once('/').ok_or(UnitIdError)?;
        if !is_kind(kind) || !is_name(name) {
            return Err(UnitIdError);
        }
        Ok(Self { text: text.to_owned(), kind: kind.len() })
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

serde_as_text!(UnitId);

impl schemars::JsonSchema for UnitId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UnitId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "a unit: its kind, a slash, and its name among those of its kind",
            "pattern": "^[a-z-]+/[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_numbers() {
        let sorted =
            ["link/tl-2", "tunnel/tl-2", "tunnel/tl-2-3", "tunnel/tl-2-10", "tunnel/tl-10"];
        let mut ids: Vec<UnitId> = sorted.iter().map(|text| text.parse().unwrap()).collect();
        ids.reverse();
        ids.sort();
        assert_eq!(ids.iter().map(ToString::to_string).collect::<Vec<_>>(), sorted);
        let zeros: [UnitId; 2] = ["a/01", "a/1"].map(|text| text.parse().unwrap());
        assert_ne!(zeros[0].cmp(&zeros[1]), Ordering::Equal, "as they are not equal");
    }

    #[test]
    fn is_a_kind_and_a_name() {
        let id: UnitId = "tunnel/tl-3".parse().unwrap();
        assert_eq!(
            (id.kind(), id.name(), id.to_string()),
            ("tunnel", "tl-3", "tunnel/tl-3".into())
        );
        assert_eq!(UnitId::new("tunnel", &"tl-3"), id);
        assert!("sysctl/net.ipv4.ip_forward".parse::<UnitId>().is_ok());
        let long = format!("a/{}", "b".repeat(UnitId::LIMIT + 1));
        for bad in
            ["", "tunnel", "/a", "a/", "A/b", "a/b/c", "a/../b", "a/.b", "a/-b", "a/b c", &long]
        {
            assert_eq!(bad.parse::<UnitId>(), Err(UnitIdError), "{bad:?}");
        }
    }
}
