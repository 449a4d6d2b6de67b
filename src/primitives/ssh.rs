//! Public keys as OpenSSH writes them in one line.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Base64Unpadded, Encoding as _};

use super::Digest;

/// A public key in OpenSSH's form (sshd(8), "AUTHORIZED_KEYS FILE FORMAT", without options):
/// `ssh-ed25519 AAAA… comment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// The key as SSH protocols carry it (RFC 4253 §6.6): an algorithm and what belongs to it.
    pub blob: Vec<u8>,
    /// Whatever its owner calls it.
    pub comment: String,
}

/// A text that is no public key of OpenSSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key of OpenSSH in one line (it would begin with ssh-ed25519 AAAA)")]
pub struct SshKeyError;

/// The algorithm of the only keys that sign what they are given, and nothing else, in 64 bytes.
const ED25519: &str = "ssh-ed25519";

impl SshKey {
    /// The ed25519 key with these 32 bytes (RFC 8709 §4).
    #[must_use]
    pub fn ed25519(key: &[u8; 32], comment: &str) -> Self {
        let mut blob = Vec::new();
        put_string(&mut blob, ED25519.as_bytes());
        put_string(&mut blob, key);
        Self { blob, comment: comment.to_owned() }
    }

    /// The algorithm that the key itself names; `None` where it names none.
    #[must_use]
    pub fn algorithm(&self) -> Option<&str> {
        let (algorithm, _) = take_string(&self.blob)?;
        std::str::from_utf8(algorithm).ok()
    }

    /// The 32 bytes of an ed25519 key; `None` for every other kind.
    #[must_use]
    pub fn to_ed25519(&self) -> Option<[u8; 32]> {
        let (algorithm, rest) = take_string(&self.blob)?;
        let (key, rest) = take_string(rest)?;
        (algorithm == ED25519.as_bytes() && rest.is_empty()).then(|| key.try_into().ok())?
    }

    /// What `ssh-keygen -l` and `ssh-add -l` print: `SHA256:` and 43 characters.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Digest::of(&self.blob);
        format!("SHA256:{}", Base64Unpadded::encode_string(digest.as_bytes()))
    }
}

impl FromStr for SshKey {
    type Err = SshKeyError;

    fn from_str(text: &str) -> Result<Self, SshKeyError> {
        let mut words = text.trim().splitn(3, [' ', '\t']);
        let (Some(algorithm), Some(blob)) = (words.next(), words.next()) else {
            return Err(SshKeyError);
        };
        let comment = words.next().unwrap_or_default().trim();
        if comment.contains('\n') {
            return Err(SshKeyError);
        }
        let blob = Base64::decode_vec(blob).map_err(|_| SshKeyError)?;
        let key = Self { blob, comment: comment.to_owned() };
        // Both say which algorithm it is; a line in which they differ is no key.
        if key.algorithm() == Some(algorithm) { Ok(key) } else { Err(SshKeyError) }
    }
}

/// The line, without its end.
impl fmt::Display for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = self.algorithm().unwrap_or_default();
        write!(f, "{algorithm} {}", Base64::encode_string(&self.blob))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

/// Takes a `string` of SSH protocols (RFC 4251 §5) off the front: four bytes of length, and that
/// many bytes.
#[must_use]
pub fn take_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)
}

/// Writes a `string` of SSH protocols.
pub fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `ssh-keygen -t ed25519 -C anna@laptop`; the fingerprint is what `ssh-keygen -l` says.
    const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDky7zx7Y/61P7DbKTEmlqzQtnh5Ei9DSUqUH0L7PP8 anna@laptop";

    #[test]
    fn reads_and_writes_what_ssh_keygen_writes() {
        let key: SshKey = format!("{LINE}\n").parse().unwrap();
        assert_eq!(key.to_string(), LINE);
        assert_eq!(key.comment, "anna@laptop");
        assert_eq!(key.fingerprint(), "SHA256:GYPgAISOv5Ce+R3QsVFuI68vC3qxrEFKUOKBGrdP/4k");
        assert_eq!(SshKey::ed25519(&key.to_ed25519().unwrap(), "anna@laptop"), key);
    }

    #[test]
    fn refuses_what_is_no_key() {
        let blob = LINE.split(' ').nth(1).unwrap();
        for bad in [
            String::new(),
            "ssh-ed25519".to_owned(),
            format!("ssh-rsa {blob}"),
            format!("ssh-ed25519 {}", &blob[..41]),
            format!("ssh-ed25519 {blob} one\nssh-ed25519 {blob} two"),
            "ssh-ed25519 AAAA\u{1b}".to_owned(),
            "-----BEGIN PUBLIC KEY-----\n".to_owned(),
        ] {
            assert_eq!(bad.parse::<SshKey>(), Err(SshKeyError), "{bad:?}");
        }
        let cut: Result<SshKey, _> = format!("ssh-ed25519 {}", &blob[..64]).parse();
        assert!(cut.is_ok_and(|key| key.to_ed25519().is_none()));
    }

    #[test]
    fn lengths_that_lie() {
        assert_eq!(take_string(&[0, 0, 0]), None);
        assert_eq!(take_string(&[0, 0, 0, 2, 1]), None);
        assert_eq!(take_string(&[255, 255, 255, 255, 1]), None);
        assert_eq!(take_string(&[0, 0, 0, 1, 7, 8]), Some((&[7][..], &[8][..])));
    }
}
