//! Public keys.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{hex, json};
use crate::primitives::Digest;

/// What metadata call a key. Opaque: it is compared and never computed when verifying.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// The first twelve characters: enough for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.chars().take(12).collect()
    }
}

impl From<String> for KeyId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A public key as root metadata list it (TUF specification §4.2).
///
/// A key of a type or scheme that this version does not know is kept, and its signatures count
/// for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    keytype: String,
    scheme: String,
    /// For ed25519: `public`, in 64 lower-case hexadecimal digits.
    keyval: Map<String, Value>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A text that is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ed25519 public key in PEM (it would begin with -----BEGIN PUBLIC KEY-----)")]
pub struct PublicKeyError;

/// The name of the key type and of the one scheme it has (TUF specification §4.2).
const ED25519: &str = "ed25519";

impl PublicKey {
    /// The ed25519 key `key`.
    pub(super) fn ed25519(key: &VerifyingKey) -> Self {
        Self {
            keytype: ED25519.to_owned(),
            scheme: ED25519.to_owned(),
            keyval: [("public".to_owned(), hex::encode(key.as_bytes()).into())]
                .into_iter()
                .collect(),
            other: Map::new(),
        }
    }

    /// Reads a key from SubjectPublicKeyInfo in PEM (RFC 8410), which is what
    /// `tieline key generate` and `openssl pkey -pubout` write.
    pub fn from_pem(pem: &str) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_public_key_pem(pem).map_err(|_| PublicKeyError)?;
        strong(&key).then(|| Self::ed25519(&key)).ok_or(PublicKeyError)
    }

    /// The key in the same form; `None` for a key that this version does not know.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        match self.verifier()? {
            Verifier::Ed25519(key) => key.to_public_key_pem(LineEnding::LF).ok(),
        }
    }

    /// The id that we, and other TUF tools by default, give the key: the SHA-256 of its canonical
    /// JSON. Whoever verifies takes the ids that metadata use, whatever they are.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let key = serde_json::json!({
            "keytype": self.keytype,
            "scheme": self.scheme,
            "keyval": self.keyval,
        });
        KeyId(Digest::of(&json::canonical(&key)).to_string())
    }

    /// The key type and scheme, as people say them.
    #[must_use]
    pub fn kind(&self) -> String {
        if self.keytype == self.scheme {
            self.scheme.clone()
        } else {
            format!("{} ({})", self.scheme, self.keytype)
        }
    }

    /// Whether `signature`, in hexadecimal, is this key's over `message`. Never for a key that this
    /// version does not know.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        self.verifier().is_some_and(|key| key.verifies(message, signature))
    }

    /// Whether it is the same key as `other`, whatever else metadata say of the two.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.verifier(), other.verifier()) {
            (Some(one), Some(two)) => one == two,
            _ => self == other,
        }
    }

    /// What can check this key's signatures, if anything here can.
    pub(super) fn verifier(&self) -> Option<Verifier> {
        match (self.keytype.as_str(), self.scheme.as_str()) {
            (ED25519, ED25519) => {
                let bytes: [u8; 32] = hex::decode(self.keyval.get("public")?.as_str()?)?;
                let key = VerifyingKey::from_bytes(&bytes).ok()?;
                strong(&key).then_some(Verifier::Ed25519(key))
            }
            _ => None,
        }
    }
}

/// Whether a point is one that a key pair can have (RFC 8032 §5.1.5): of the prime order. For
/// points of small order signatures can be made without a private key, and about those of mixed
/// order libraries disagree. Points with a second encoding (y below 19) are all of these two kinds.
fn strong(key: &VerifyingKey) -> bool {
    !key.is_weak() && key.to_edwards().is_torsion_free()
}

/// A public key ready for use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verifier {
    /// RFC 8032.
    Ed25519(VerifyingKey),
}

impl Verifier {
    /// Whether `signature`, in hexadecimal, is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        match self {
            // `verify_strict` also refuses the signatures that RFC 8032 leaves open and that
            // other libraries judge differently.
            Self::Ed25519(key) => hex::decode(signature).is_some_and(|bytes| {
                key.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
            }),
        }
    }

    /// What makes the key itself, whatever metadata call it.
    pub(super) fn material(&self) -> [u8; 32] {
        match self {
            Self::Ed25519(key) => key.to_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

    fn key(keytype: &str, scheme: &str, public: &str) -> PublicKey {
        serde_json::from_value(serde_json::json!({
            "keytype": keytype, "scheme": scheme, "keyval": {"public": public},
        }))
        .unwrap()
    }

    /// The id python-tuf gives this key.
    #[test]
    fn id_is_that_of_other_tools() {
        let expected = "946bbfb4fd58b1aeac3ddb00f68fd8c8dea7e9a84e6c149b1c10b36b707c38fd";
        assert_eq!(key("ed25519", "ed25519", PUBLIC).id().to_string(), expected);
    }

    #[test]
    fn survives_pem() {
        let key = key("ed25519", "ed25519", PUBLIC);
        assert_eq!(PublicKey::from_pem(&key.to_pem().unwrap()), Ok(key));
        assert_eq!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----"), Err(PublicKeyError));
    }

    #[derive(Deserialize)]
    struct EdgeCases {
        cases: Vec<EdgeCase>,
    }

    #[derive(Deserialize)]
    struct EdgeCase {
        what: String,
        key: String,
        message: String,
        signature: String,
    }

    fn edge_cases() -> Vec<EdgeCase> {
        let text = include_str!("../../tests/fixtures/ed25519-edge-cases.json");
        serde_json::from_str::<EdgeCases>(text).unwrap().cases
    }

    /// Signatures that libraries judge differently are all refused.
    #[test]
    fn published_edge_cases() {
        for case in edge_cases() {
            let message: [u8; 32] = hex::decode(&case.message).unwrap();
            let accepted = key("ed25519", "ed25519", &case.key)
                .verifier()
                .is_some_and(|key| key.verifies(&message, &case.signature));
            assert!(!accepted, "{}", case.what);
        }
    }

    /// Even for a key that got past the first check.
    #[test]
    fn published_edge_cases_by_signature_alone() {
        let refused = edge_cases().into_iter().filter(|case| {
            let message: [u8; 32] = hex::decode(&case.message).unwrap();
            let key = VerifyingKey::from_bytes(&hex::decode(&case.key).unwrap()).unwrap();
            !Verifier::Ed25519(key).verifies(&message, &case.signature)
        });
        // All but that of mixed A and R, which only the key gives away.
        let all_but_one = edge_cases().len() - 1;
        assert_eq!(refused.count(), all_but_one);
    }

    #[test]
    fn keys_that_verify_nothing() {
        let identity = format!("01{}", "00".repeat(31));
        // y + p instead of y: the identity again, and the point whose y is 3.
        let not_canonical = ["ee", "f0"].map(|first| format!("{first}{}7f", "ff".repeat(30)));
        for (keytype, scheme, public) in [
            ("rsa", "rsassa-pss-sha256", PUBLIC),
            ("ed25519", "ed25519ph", PUBLIC),
            ("ed25519", "ed25519", &PUBLIC.to_uppercase()),
            ("ed25519", "ed25519", &PUBLIC[2..]),
            ("ed25519", "ed25519", &identity),
            ("ed25519", "ed25519", &not_canonical[0]),
            ("ed25519", "ed25519", &not_canonical[1]),
        ] {
            assert_eq!(
                key(keytype, scheme, public).verifier(),
                None,
                "{keytype} {scheme} {public}"
            );
        }
    }
}
