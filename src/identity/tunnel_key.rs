//! A gateway's X25519 key pair (RFC 7748): both ends of a tunnel will agree on a key with it before
//! they let a handshake begin (docs/adr/0029).

use base64ct::{Base64, Encoding as _};
use x25519_dalek::{PublicKey as Point, StaticSecret};
use zeroize::Zeroizing;

use crate::primitives::PublicKey;

/// The private half. It is wiped when it goes out of scope.
pub(super) struct TunnelKey(StaticSecret);

impl TunnelKey {
    /// A new one, out of the kernel's randomness.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(StaticSecret::from(*bytes)))
    }

    /// The key in a file: one line of base64, as `wg genkey` prints it.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let line = text.strip_suffix('\n')?;
        let bytes = Zeroizing::new(Base64::decode_vec(line).ok()?);
        let bytes: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(StaticSecret::from(bytes)))
    }

    /// What its file holds.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(Base64::encode_string(self.0.as_bytes()));
        text.push('\n');
        text
    }

    /// The public half; `None` for a key that is of no use.
    pub(super) fn public(&self) -> Option<PublicKey> {
        PublicKey::try_from(Point::from(&self.0).to_bytes()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_file_is_read_as_it_was_written() {
        let key = TunnelKey::generate().unwrap();
        let again = TunnelKey::from_text(&key.to_text()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_ne!(TunnelKey::generate().unwrap().public(), key.public());
        for bad in ["", "\n", "AAAA\n", key.to_text().trim_end()] {
            assert!(TunnelKey::from_text(bad).is_none(), "{bad:?}");
        }
    }

    /// The example of RFC 7748 §6.1.
    #[test]
    fn the_public_half_is_the_one_of_the_rfc() {
        let private = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n";
        let public = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
        let key = TunnelKey::from_text(private).unwrap();
        assert_eq!(key.public().unwrap().to_string(), public);
    }
}
