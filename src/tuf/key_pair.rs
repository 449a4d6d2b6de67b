//! Private keys in memory.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{PublicKey, Signer, SignerError, hex, passphrase};

/// An ed25519 key pair in memory, which is wiped when it goes out of scope.
pub struct KeyPair {
    private: SigningKey,
    public: PublicKey,
}

impl KeyPair {
    /// A new key pair, out of the kernel's randomness.
    pub fn generate() -> Result<Self, SignerError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(SignerError::Random)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key pair of a seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let private = SigningKey::from_bytes(seed);
        let public = PublicKey::ed25519(&private.verifying_key());
        Self { private, public }
    }

    /// Reads a key pair from PKCS#8 in PEM (RFC 8410), which is what `tieline key generate` and
    /// `openssl genpkey -algorithm ed25519` write.
    pub fn from_pem(pem: &str) -> Result<Self, SignerError> {
        if Self::is_encrypted(pem) {
            return Err(SignerError::Encrypted);
        }
        let private = SigningKey::from_pkcs8_pem(pem).map_err(|_| SignerError::NotAKey)?;
        let public = PublicKey::ed25519(&private.verifying_key());
        Ok(Self { private, public })
    }

    /// Whether a text is a private key under a passphrase, by its first line.
    #[must_use]
    pub fn is_encrypted(pem: &str) -> bool {
        pem.trim_start().starts_with(passphrase::BEGIN)
    }

    /// Reads a key pair from encrypted PKCS#8 in PEM, which is what `tieline key generate
    /// --passphrase` and `openssl pkcs8 -topk8` write.
    pub fn from_encrypted_pem(pem: &str, passphrase: &str) -> Result<Self, SignerError> {
        let opened = passphrase::open(pem, passphrase)?;
        let private = SigningKey::from_pkcs8_der(opened.as_bytes());
        let private = private.map_err(|_| SignerError::NotAKey)?;
        let public = PublicKey::ed25519(&private.verifying_key());
        Ok(Self { private, public })
    }

    /// The key pair in the same form, under `passphrase`.
    pub fn to_encrypted_pem(&self, passphrase: &str) -> Result<Zeroizing<String>, SignerError> {
        let bytes = KeypairBytes { secret_key: self.private.to_bytes(), public_key: None };
        let bytes = bytes.to_pkcs8_der().map_err(|_| SignerError::Encode)?;
        let key = PrivateKeyInfoRef::try_from(bytes.as_bytes());
        passphrase::close(&key.map_err(|_| SignerError::Encode)?, passphrase)
    }

    /// The key pair in the same form.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, SignerError> {
        // Without the public key beside it, which is version 2 of the format: OpenSSL 3.0 cannot
        // read that.
        let bytes = KeypairBytes { secret_key: self.private.to_bytes(), public_key: None };
        bytes.to_pkcs8_pem(LineEnding::LF).map_err(|_| SignerError::Encode)
    }
}

impl Signer for KeyPair {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<String, SignerError> {
        Ok(hex::encode(&self.private.sign(message).to_bytes()))
    }
}

/// Shows the public half only.
impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_pem_and_does_not_show_itself() {
        let pair = KeyPair::from_seed(&[7; 32]);
        let pem = pair.to_pem().unwrap();
        let again = KeyPair::from_pem(&pem).unwrap();
        assert_eq!(again.public(), pair.public());
        assert_eq!(again.sign(b"x").unwrap(), pair.sign(b"x").unwrap());
        let shown = format!("{pair:?} {pair:#?}");
        assert!(!shown.contains("private"), "{shown}");
        assert!(!shown.contains("7, 7") && !shown.contains(&"07".repeat(8)), "{shown}");
    }

    #[test]
    fn survives_a_passphrase() {
        let pair = KeyPair::from_seed(&[7; 32]);
        let pem = pair.to_encrypted_pem("correct horse").unwrap();
        assert!(KeyPair::is_encrypted(&pem) && !KeyPair::is_encrypted(&pair.to_pem().unwrap()));
        let again = KeyPair::from_encrypted_pem(&pem, "correct horse").unwrap();
        assert_eq!(again.public(), pair.public());
        let refused = |pem: &str, passphrase: &str| {
            KeyPair::from_encrypted_pem(pem, passphrase).unwrap_err().to_string()
        };
        assert_eq!(refused(&pem, "wrong"), SignerError::Passphrase.to_string());
        assert_eq!(refused(&pem, ""), SignerError::Passphrase.to_string());
        assert!(matches!(KeyPair::from_pem(&pem), Err(SignerError::Encrypted)));
        assert_eq!(refused(&pair.to_pem().unwrap(), "x"), SignerError::NotAKey.to_string());
        // Another salt every time.
        assert_ne!(*pair.to_encrypted_pem("correct horse").unwrap(), *pem);
    }

    #[test]
    fn two_new_keys_differ() {
        let (one, two) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        assert_ne!(one.public(), two.public());
    }
}
