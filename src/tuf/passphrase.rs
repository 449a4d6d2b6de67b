//! Private keys under a passphrase: PKCS#8 with PBES2 (RFC 5958 §3, RFC 8018 §6.2, RFC 7914 §7),
//! which OpenSSL reads and writes.

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use pkcs8::der::SecretDocument;
use pkcs8::pkcs5::{self, EncryptionScheme, pbes2};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::SignerError;

/// The line that such a file begins with.
pub(super) const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// The cost of scrypt, N = 2^14, r = 8, p = 5: as much work as the N = 2^17, p = 1 that is usually
/// advised (OWASP, "Password Storage"), in 16 MiB; OpenSSL refuses to use more than 32.
const COST: (u8, u32, u32) = (14, 8, 5);

/// The most memory that a file may make us use, in bytes, and the most rounds: against one that
/// was made to hold us up.
const MOST_MEMORY: u64 = 1 << 30;
const MOST_ROUNDS: u64 = 50_000_000;

/// Encrypts a private key (PKCS#8 in DER).
pub(super) fn close(
    key: &PrivateKeyInfoRef<'_>,
    passphrase: &str,
) -> Result<Zeroizing<String>, SignerError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(SignerError::Random)?;
    let (salt, rest) = random.split_at(16);
    let iv = rest.try_into().map_err(|_| SignerError::Encode)?;
    let (log_n, r, p) = COST;
    let cost = scrypt::Params::new(log_n, r, p).map_err(|_| SignerError::Encode)?;
    let scheme = pbes2::Parameters::generate_scrypt_aes256cbc(cost, salt, iv);
    let scheme = scheme.map_err(|_| SignerError::Encode)?;
    let closed = key.encrypt_with_params(scheme, passphrase).map_err(|_| SignerError::Encode)?;
    closed.to_pem(LABEL, LineEnding::LF).map_err(|_| SignerError::Encode)
}

/// Decrypts a private key: PKCS#8 in DER.
pub(super) fn open(pem: &str, passphrase: &str) -> Result<SecretDocument, SignerError> {
    let (label, document) = SecretDocument::from_pem(pem).map_err(|_| SignerError::NotAKey)?;
    if label != LABEL {
        return Err(SignerError::NotAKey);
    }
    let closed = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes());
    let closed = closed.map_err(|_| SignerError::Encryption)?;
    if !affordable(&closed.encryption_algorithm) {
        return Err(SignerError::Encryption);
    }
    closed.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => SignerError::Encryption,
        // What a wrong passphrase decrypts to is no padding, or no key.
        _ => SignerError::Passphrase,
    })
}

/// Whether the way from the passphrase to the key is one that ends.
fn affordable(scheme: &EncryptionScheme) -> bool {
    let Some(parameters) = scheme.pbes2() else { return false };
    let Some(scrypt) = parameters.kdf.scrypt() else {
        let rounds = parameters.kdf.pbkdf2().map(|kdf| u64::from(kdf.iteration_count));
        return rounds.is_some_and(|rounds| rounds <= MOST_ROUNDS);
    };
    let block = 128 * u64::from(scrypt.block_size);
    let memory = scrypt.cost_parameter.saturating_mul(block);
    memory <= MOST_MEMORY
        && memory.saturating_mul(u64::from(scrypt.parallelization)) <= 16 * MOST_MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody else's file must not cost memory or time without end.
    #[test]
    fn what_costs_too_much_is_not_begun() {
        let scrypt = |log_n, r, p| {
            let cost = scrypt::Params::new(log_n, r, p).unwrap();
            let scheme = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &[1; 16], [2; 16]);
            affordable(&EncryptionScheme::from(scheme.unwrap()))
        };
        assert!(scrypt(14, 8, 5) && scrypt(17, 8, 1) && scrypt(20, 8, 1));
        assert!(!scrypt(21, 8, 1), "2 GiB");
        assert!(!scrypt(20, 8, 17), "hours");
        let rounds = |rounds| {
            let scheme =
                pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(rounds, &[1; 16], [2; 16]);
            affordable(&EncryptionScheme::from(scheme.unwrap()))
        };
        assert!(rounds(2048) && rounds(10_000_000));
        assert!(!rounds(100_000_000));
    }
}
