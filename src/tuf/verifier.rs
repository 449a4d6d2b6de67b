//! Checking single signatures.

use ed25519_dalek::{Signature, VerifyingKey};
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey;

use super::hex;

/// Whether a point is one that a key pair can have (RFC 8032 §5.1.5): of the prime order. For
/// points of small order signatures can be made without a private key, and about those of mixed
/// order libraries disagree. Points with a second encoding (y below 19) are all of these two kinds.
pub(super) fn strong(key: &VerifyingKey) -> bool {
    !key.is_weak() && key.to_edwards().is_torsion_free()
}

/// A public key ready for use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verifier {
    /// RFC 8032.
    Ed25519(VerifyingKey),
    /// FIPS 186-5, with SHA-256.
    P256(p256::ecdsa::VerifyingKey),
}

impl Verifier {
    /// The ed25519 key of these bytes, if it is one that a key pair can have.
    pub(super) fn ed25519(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        strong(&key).then_some(Self::Ed25519(key))
    }

    /// The P-256 key in SubjectPublicKeyInfo (RFC 5480): a point on the curve, and not infinity.
    pub(super) fn p256(pem: &str) -> Option<Self> {
        p256::ecdsa::VerifyingKey::from_public_key_pem(pem).ok().map(Self::P256)
    }

    /// Whether `signature`, in hexadecimal, is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        match self {
            // `verify_strict` also refuses the signatures that RFC 8032 leaves open and that
            // other libraries judge differently.
            Self::Ed25519(key) => hex::decode(signature).is_some_and(|bytes| {
                key.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
            }),
            // In DER (RFC 3279 §2.2.3), which has one spelling. Of S and its negative both are
            // good, as FIPS 186-5 says and every other TUF client does: so a second signature can
            // be made from a first, but by a key that has signed already, and a key counts once.
            Self::P256(key) => hex::decode_all(signature).is_some_and(|bytes| {
                p256::ecdsa::Signature::from_der(&bytes)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }),
        }
    }

    /// What makes the key itself, whatever metadata call it.
    pub(super) fn material(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.to_bytes().to_vec(),
            // 33 bytes, so never those of the other kind.
            Self::P256(key) => key.to_sec1_point(true).as_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

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
            let accepted = Verifier::ed25519(&hex::decode(&case.key).unwrap())
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

    #[derive(Deserialize)]
    struct Ecdsa {
        message: String,
        key: String,
        signatures: Vec<EcdsaSignature>,
        keys: Vec<EcdsaKey>,
    }

    #[derive(Deserialize)]
    struct EcdsaSignature {
        what: String,
        signature: String,
        #[serde(default)]
        accepted: bool,
    }

    #[derive(Deserialize)]
    struct EcdsaKey {
        what: String,
        pem: String,
        #[serde(default)]
        accepted: bool,
    }

    /// A signature has one spelling, but for the sign of S; a key is a point of this curve.
    #[test]
    fn ecdsa_edge_cases() {
        let text = include_str!("../../tests/fixtures/ecdsa-edge-cases.json");
        let cases: Ecdsa = serde_json::from_str(text).unwrap();
        let key = Verifier::p256(&cases.key).unwrap();
        for case in cases.signatures {
            let accepted = key.verifies(cases.message.as_bytes(), &case.signature);
            assert_eq!(accepted, case.accepted, "{}", case.what);
            let shouted = case.signature.to_uppercase();
            assert!(!key.verifies(cases.message.as_bytes(), &shouted), "{} in capitals", case.what);
        }
        for case in cases.keys {
            let found = Verifier::p256(&case.pem);
            assert_eq!(found.is_some(), case.accepted, "{}", case.what);
            // However it is written, it is one key.
            assert!(found.is_none_or(|found| found.material() == key.material()), "{}", case.what);
        }
    }
}
