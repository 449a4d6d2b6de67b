//! Whatever signs, and why it could not.

use super::{KeyId, PublicKey};

/// Something that holds a private key and signs with it: a key in memory, an agent, a token, a
/// program. What it gives is believed by nobody: [`Draft::sign`](super::Draft::sign) verifies it.
pub trait Signer {
    /// The public half of its key.
    fn public(&self) -> &PublicKey;

    /// The signature over `message`, in hexadecimal.
    fn sign(&self, message: &[u8]) -> Result<String, SignerError>;
}

/// Why something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The text is no private key.
    #[error("not an ed25519 private key in PEM (it would begin with -----BEGIN PRIVATE KEY-----)")]
    NotAKey,
    /// The text is a private key under a passphrase, and none was given.
    #[error("a private key under a passphrase, which is not known")]
    Encrypted,
    /// It is not the passphrase of that key.
    #[error("a private key under another passphrase")]
    Passphrase,
    /// The passphrase is used in a way that this version does not know, or that takes too long.
    #[error("a private key that is encrypted in a way this version does not read")]
    Encryption,
    /// The kernel gives no randomness.
    #[error("the system gives no random numbers for a new key")]
    Random(#[source] getrandom::Error),
    /// Whatever holds the key gave something else than a signature by it.
    #[error("what came back is no signature by key {key} over these bytes, so it was not used")]
    Wrong {
        /// The key that should have signed.
        key: KeyId,
    },
    /// Whatever holds the key did not sign, for a reason of its own.
    #[error(transparent)]
    Elsewhere(Box<dyn std::error::Error + Send + Sync>),
    /// What was to be signed cannot be written as JSON.
    #[error("the metadata cannot be written as JSON")]
    Encode,
}
