//! Public keys.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey, EncodePublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::verifier::{Verifier, strong};
use super::{hex, json};
use crate::primitives::{Digest, SshKey};

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
/// for nothing. RSA is one of these on purpose: two paddings, sizes to choose from and signatures ten
/// times as long, where the other two leave nothing to get wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    keytype: String,
    scheme: String,
    /// For ed25519: `public`, in 64 lower-case hexadecimal digits. For ECDSA: `public`, as
    /// SubjectPublicKeyInfo in PEM.
    keyval: Map<String, Value>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A text that is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an ed25519 or ECDSA P-256 public key in PEM (it would begin with -----BEGIN PUBLIC KEY-----)"
)]
pub struct PublicKeyError;

/// The name of the key type and of the one scheme it has (TUF specification §4.2).
const ED25519: &str = "ed25519";
/// The name of the key type.
const ECDSA: &str = "ecdsa";
/// The name of the scheme, and by mistake that of the key type in metadata of older tools.
const ECDSA_P256: &str = "ecdsa-sha2-nistp256";

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

    /// The ECDSA key `key`, as other TUF tools write it.
    fn p256(key: &p256::ecdsa::VerifyingKey) -> Result<Self, PublicKeyError> {
        let pem = key.to_public_key_pem(LineEnding::LF).map_err(|_| PublicKeyError)?;
        Ok(Self {
            keytype: ECDSA.to_owned(),
            scheme: ECDSA_P256.to_owned(),
            keyval: [("public".to_owned(), pem.into())].into_iter().collect(),
            other: Map::new(),
        })
    }

    /// Reads a key from SubjectPublicKeyInfo in PEM (RFC 8410, RFC 5480), which is what
    /// `tieline key generate` and `openssl pkey -pubout` write.
    pub fn from_pem(pem: &str) -> Result<Self, PublicKeyError> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Self::p256(&key);
        }
        let key = VerifyingKey::from_public_key_pem(pem).map_err(|_| PublicKeyError)?;
        strong(&key).then(|| Self::ed25519(&key)).ok_or(PublicKeyError)
    }

    /// The key in the same form; `None` for a key that this version does not know.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        match self.verifier()? {
            Verifier::Ed25519(key) => key.to_public_key_pem(LineEnding::LF).ok(),
            Verifier::P256(key) => key.to_public_key_pem(LineEnding::LF).ok(),
        }
    }

    /// The ed25519 key in OpenSSH's form; `None` where it is another kind, or one that nobody can
    /// have the private half of.
    #[must_use]
    pub fn from_ssh(key: &SshKey) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&key.to_ed25519()?).ok()?;
        strong(&key).then(|| Self::ed25519(&key))
    }

    /// The key in OpenSSH's form; `None` for a key that is not ed25519.
    #[must_use]
    pub fn to_ssh(&self) -> Option<SshKey> {
        match self.verifier()? {
            Verifier::Ed25519(key) => Some(SshKey::ed25519(key.as_bytes(), "")),
            Verifier::P256(_) => None,
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

    /// The signature by this key over `message` that some other program wrote: as it is (64 bytes;
    /// for ECDSA also DER), in hexadecimal or in base64. In hexadecimal, as metadata have it; `None`
    /// where none of these verifies.
    #[must_use]
    pub fn signature_in(&self, message: &[u8], written: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(written).unwrap_or_default().trim();
        let decoded = Base64::decode_vec(text).unwrap_or_default();
        // PKCS #11 has R and S side by side, metadata have them in DER.
        let der = p256::ecdsa::Signature::from_slice(written).map(|pair| pair.to_der());
        let der = der.map(|der| hex::encode(der.as_bytes())).unwrap_or_default();
        let spellings =
            [hex::encode(written), text.to_ascii_lowercase(), hex::encode(&decoded), der];
        spellings.into_iter().find(|signature| self.verifies(message, signature))
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
        let public = self.keyval.get("public")?.as_str()?;
        match (self.keytype.as_str(), self.scheme.as_str()) {
            (ED25519, ED25519) => Verifier::ed25519(&hex::decode(public)?),
            (ECDSA | ECDSA_P256, ECDSA_P256) => Verifier::p256(public),
            _ => None,
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

    /// Of an ECDSA key as well; and older tools write the scheme where the key type belongs.
    #[test]
    fn ecdsa_keys() {
        let pem = "-----BEGIN PUBLIC KEY-----\n\
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHhhTL9R1TALzBB2cdc6zO4P/2BrH\n\
            zk/ogsyxyYvFiW6kbDEcTi/0DdlqNlPm5FRF0y3+SG7O11x6kMahiIHAow==\n\
            -----END PUBLIC KEY-----\n";
        let by_type = |keytype: &str| key(keytype, "ecdsa-sha2-nistp256", pem);
        let ours = PublicKey::from_pem(pem).unwrap();
        assert_eq!(ours, by_type("ecdsa"));
        assert_eq!(ours.to_pem().unwrap(), pem);
        let expected = "0848f460d8c5fe8f1dc1d7e832cffe2a8e23b3009527bfc60b26e569840c39c0";
        assert_eq!(ours.id().to_string(), expected);
        assert_eq!(by_type("ecdsa-sha2-nistp256").verifier(), ours.verifier());
        assert!(ours.verifier().is_some());
        for (keytype, scheme) in [
            ("ecdsa", "ecdsa-sha2-nistp384"),
            ("ecdsa", "ecdsa"),
            ("ed25519", "ecdsa-sha2-nistp256"),
            ("ecdsa", "ed25519"),
            ("rsa", "rsassa-pss-sha256"),
        ] {
            assert_eq!(key(keytype, scheme, pem).verifier(), None, "{keytype} {scheme}");
        }
    }

    /// As OpenSSL writes signatures, as PKCS #11 does, and as command line tools print them.
    #[test]
    fn signatures_of_other_programs() {
        use p256::ecdsa::signature::Signer as _;

        let private = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let key = PublicKey::p256(private.verifying_key()).unwrap();
        let signature: p256::ecdsa::Signature = private.sign(b"message");
        let der = signature.to_der().as_bytes().to_vec();
        let text = hex::encode(&der);
        let base64 = Base64::encode_string(&der);
        for written in [
            der.clone(),
            signature.to_bytes().to_vec(),
            format!("{}\n", text.to_uppercase()).into_bytes(),
            format!("{base64}\n").into_bytes(),
        ] {
            assert_eq!(key.signature_in(b"message", &written), Some(text.clone()), "{written:?}");
            assert_eq!(key.signature_in(b"another", &written), None);
        }
        assert_eq!(key.signature_in(b"message", &der[..20]), None);
        assert_eq!(key.signature_in(b"message", b""), None);
    }

    #[test]
    fn survives_pem() {
        let key = key("ed25519", "ed25519", PUBLIC);
        assert_eq!(PublicKey::from_pem(&key.to_pem().unwrap()), Ok(key));
        assert_eq!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----"), Err(PublicKeyError));
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
