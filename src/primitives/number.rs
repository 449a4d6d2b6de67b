//! Gateway numbers.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::serde_as_text;

/// The number that `mesh.lock` gives a gateway: from 1 up, never reused, never changed.
///
/// Everything else follows from it: the mesh address is the n-th of the tunnel network, the
/// tunnel to peer m is the device `tl-m` and listens on first port + m.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayNumber(NonZeroU16);

/// A text that is not a number from 1 to 65535.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a gateway number is a whole number from 1 to 65535")]
pub struct NumberError;

impl GatewayNumber {
    /// The first number that is given out.
    pub const FIRST: Self = Self(NonZeroU16::MIN);

    /// The number for `value`, unless that is 0.
    #[must_use]
    pub fn new(value: u16) -> Option<Self> {
        NonZeroU16::new(value).map(Self)
    }

    /// The number as an integer.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }

    /// The number after this one, unless this is the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl FromStr for GatewayNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let value = text.parse().ok().filter(|_| canonical);
        value.map(Self).ok_or(NumberError)
    }
}

impl fmt::Display for GatewayNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_text!(GatewayNumber);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        assert_eq!("1".parse(), Ok(GatewayNumber::FIRST));
        assert_eq!("65535".parse::<GatewayNumber>().unwrap().next(), None);
        for bad in ["", "0", "01", "+1", "-1", "65536", "1 ", "one"] {
            assert_eq!(bad.parse::<GatewayNumber>(), Err(NumberError), "{bad:?}");
        }
    }
}
