//! Public keys of a gateway.

use crate::primitives::{PublicKey, PublicKeyError};
use crate::spec::{Code, Finding, Placed, Printable};

/// The current key and, during a rotation, the next.
const MOST: usize = 2;

/// The public keys of `gateway`.
pub(in crate::model) fn public_keys(
    gateway: Printable<'_>,
    texts: &[Placed<String>],
    findings: &mut Vec<Finding>,
) -> Vec<Placed<PublicKey>> {
    if let Some(extra) = texts.get(MOST) {
        let message = format!(
            "gateway {gateway} has {} public keys; {MOST} are the most: the current one and, during \
             a rotation, the next",
            texts.len()
        );
        let finding = Finding::new(Code::TooManyPublicKeys, extra.place, message);
        findings.push(finding.hint("remove those that are no longer in use"));
    }
    texts.iter().filter_map(|text| public_key(gateway, text, findings)).collect()
}

fn public_key(
    gateway: Printable<'_>,
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<PublicKey>> {
    let why = match text.value.parse() {
        Ok(key) => return Some(Placed::new(key, text.place)),
        Err(PublicKeyError::Form) => "is not one",
        Err(PublicKeyError::LowOrder) => "is one that no key pair has",
    };
    // What was pasted may be the private half, so it is not shown.
    let message = format!("gateway {gateway}: a public key {why}");
    let finding = Finding::new(Code::BadPublicKey, text.place, message);
    findings.push(finding.hint(
        "paste what `tieline enroll` prints on the gateway: 44 characters of base64, in quotes",
    ));
    None
}
