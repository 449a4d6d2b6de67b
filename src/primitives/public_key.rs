//! Public keys of gateways, for agreeing on a secret that nobody has to carry.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding as _};

use super::serde_as_text;

/// The public half of a gateway's X25519 key pair (RFC 7748), as text the 44 characters of base64 that
/// WireGuard's tools print as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// A text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not 32 bytes in base64, or in another spelling of it.
    #[error("a public key is 44 characters of base64, the last of them =")]
    Form,
    /// A point with which every secret comes out the same (RFC 7748 §6.1).
    #[error("these 32 bytes are not a usable public key")]
    LowOrder,
}

impl PublicKey {
    /// Its length as text, in characters.
    pub const LENGTH: usize = 44;

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<[u8; 32]> for PublicKey {
    type Error = PublicKeyError;

    fn try_from(bytes: [u8; 32]) -> Result<Self, PublicKeyError> {
        // Every scalar gives zero with a point of low order, so any will do.
        let shared = x25519_dalek::x25519([9; 32], bytes);
        if shared == [0; 32] { Err(PublicKeyError::LowOrder) } else { Ok(Self(bytes)) }
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        if text.len() != Self::LENGTH {
            return Err(PublicKeyError::Form);
        }
        let bytes = Base64::decode_vec(text).map_err(|_| PublicKeyError::Form)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| PublicKeyError::Form)?;
        Self::try_from(bytes)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Base64::encode_string(&self.0))
    }
}

serde_as_text!(PublicKey);

impl schemars::JsonSchema for PublicKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PublicKey".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "an X25519 public key in base64",
            "pattern": "^[A-Za-z0-9+/]{43}=$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alice's public key of RFC 7748 §6.1.
    const ALICE: [u8; 32] = [
        0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7,
        0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b,
        0x4e, 0x6a,
    ];

    #[test]
    fn has_one_spelling() {
        let key = PublicKey::try_from(ALICE).unwrap();
        let text = key.to_string();
        assert_eq!((text.len(), text.parse()), (PublicKey::LENGTH, Ok(key)));
        assert!(text.ends_with("mo="));
        let unpadded = text.trim_end_matches('=');
        // The last two bits say nothing, and are zero.
        let other = text.replace("mo=", "mp=");
        for bad in ["", unpadded, &text[..40], &format!("{text} "), &text.replace('=', "A"), &other]
        {
            assert_eq!(bad.parse::<PublicKey>(), Err(PublicKeyError::Form), "{bad:?}");
        }
    }

    #[test]
    fn points_of_low_order_are_none() {
        let mut one = [0; 32];
        one[0] = 1;
        for bytes in [[0; 32], one] {
            assert_eq!(PublicKey::try_from(bytes), Err(PublicKeyError::LowOrder));
            let text = Base64::encode_string(&bytes);
            assert_eq!(text.parse::<PublicKey>(), Err(PublicKeyError::LowOrder));
        }
    }
}
