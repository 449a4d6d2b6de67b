//! The messages (draft-ietf-sshm-ssh-agent §3 and §5; lengths are added by whoever sends them).

use crate::primitives::SshKey;
use crate::primitives::ssh::{put_string, take_string};

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// What was asked for.
    Given(T),
    /// No.
    Refused,
    /// Nothing that can be read.
    Nonsense,
}

/// Asks which keys there are.
pub(super) fn list() -> Vec<u8> {
    vec![REQUEST_IDENTITIES]
}

/// Asks for a signature.
pub(super) fn sign(key: &SshKey, message: &[u8]) -> Vec<u8> {
    let mut request = vec![SIGN_REQUEST];
    put_string(&mut request, &key.blob);
    put_string(&mut request, message);
    // No flags: they choose between hashes for RSA keys.
    request.extend_from_slice(&[0; 4]);
    request
}

/// The keys in the answer to [`list`].
pub(super) fn listed(answer: &[u8]) -> Answer<Vec<SshKey>> {
    let read = |body: &[u8]| {
        let (count, mut rest) = body.split_first_chunk::<4>()?;
        let mut keys = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (blob, after) = take_string(rest)?;
            let (comment, after) = take_string(after)?;
            let comment = String::from_utf8_lossy(comment).into_owned();
            keys.push(SshKey { blob: blob.to_vec(), comment });
            rest = after;
        }
        rest.is_empty().then_some(keys)
    };
    answered(answer, IDENTITIES_ANSWER, read)
}

/// The signature in the answer to [`sign`] (RFC 8709 §6: its algorithm, then 64 bytes).
pub(super) fn signed(answer: &[u8]) -> Answer<[u8; 64]> {
    let read = |body: &[u8]| {
        let (signature, rest) = take_string(body)?;
        let (algorithm, signature) = take_string(signature)?;
        let (bytes, end) = take_string(signature)?;
        let ours = algorithm == b"ssh-ed25519" && rest.is_empty() && end.is_empty();
        ours.then(|| bytes.try_into().ok())?
    };
    answered(answer, SIGN_RESPONSE, read)
}

fn answered<T>(answer: &[u8], wanted: u8, read: impl FnOnce(&[u8]) -> Option<T>) -> Answer<T> {
    match answer.split_first() {
        Some((&FAILURE, _)) => Answer::Refused,
        Some((&kind, body)) if kind == wanted => read(body).map_or(Answer::Nonsense, Answer::Given),
        _ => Answer::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SshKey {
        SshKey::ed25519(&[9; 32], "anna")
    }

    fn strings(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut answer = vec![kind];
        for part in parts {
            put_string(&mut answer, part);
        }
        answer
    }

    #[test]
    fn a_request_is_laid_out_as_the_draft_says() {
        let request = sign(&key(), b"hello");
        let blob = key().blob;
        assert_eq!(request[0], 13);
        assert_eq!(request[1..5], [0, 0, 0, 51]);
        assert_eq!(request[5..56], blob);
        assert_eq!(request[56..], [&[0, 0, 0, 5][..], b"hello", &[0; 4]].concat());
    }

    #[test]
    fn answers() {
        let mut answer = vec![12, 0, 0, 0, 1];
        put_string(&mut answer, &key().blob);
        put_string(&mut answer, b"anna");
        assert_eq!(listed(&answer), Answer::Given(vec![key()]));
        let mut signature = Vec::new();
        put_string(&mut signature, b"ssh-ed25519");
        put_string(&mut signature, &[7; 64]);
        assert_eq!(signed(&strings(14, &[&signature])), Answer::Given([7; 64]));
        assert_eq!(signed(&[5]), Answer::Refused);
        assert_eq!(listed(&[5]), Answer::Refused);
    }

    proptest::proptest! {
        /// Whatever an agent answers is read or refused, never more than it sent.
        #[test]
        fn any_answer(kind: u8, body: Vec<u8>) {
            let answer = [&[kind][..], &body].concat();
            if let Answer::Given(keys) = listed(&answer) {
                let size: usize = keys.iter().map(|key| key.blob.len() + 8).sum();
                proptest::prop_assert!(size <= body.len());
            }
            let _ = signed(&answer);
        }
    }

    #[test]
    fn nonsense() {
        let mut short = Vec::new();
        put_string(&mut short, b"ssh-ed25519");
        put_string(&mut short, &[7; 63]);
        let mut other = Vec::new();
        put_string(&mut other, b"ssh-rsa");
        put_string(&mut other, &[7; 64]);
        for bad in [
            vec![],
            vec![14],
            vec![12, 0, 0, 0, 0],
            strings(14, &[&short]),
            strings(14, &[&other]),
            strings(14, &[b"", b"more"]),
        ] {
            assert_eq!(signed(&bad), Answer::Nonsense, "{bad:?}");
        }
        for bad in [
            vec![12],
            vec![12, 0, 0, 0, 1],
            vec![12, 255, 255, 255, 255],
            vec![12, 0, 0, 0, 0, 1],
            vec![14],
        ] {
            assert_eq!(listed(&bad), Answer::Nonsense, "{bad:?}");
        }
    }
}
