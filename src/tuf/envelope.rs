//! A metadata file: what is signed, and the signatures (TUF specification §4.2.1).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json;
use super::metadata::{Body, Root, Signed};
use super::role_keys::Authority;
use super::{KeyId, MetadataError, PublicKey, Role, TooFew};

/// A metadata file that has been read, and is not yet verified: the only way to its content is
/// [`verify`](Self::verify).
#[derive(Debug)]
pub(super) struct Envelope<T> {
    signed: Signed<T>,
    /// The canonical form of all that stood under `signed`, fields unknown to us included.
    message: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Signature {
    pub(super) keyid: KeyId,
    pub(super) sig: String,
}

/// The file as it stands.
#[derive(Deserialize)]
pub(super) struct Wire {
    pub(super) signatures: Vec<Signature>,
    pub(super) signed: Value,
}

impl Wire {
    /// Reads a file that should be metadata of `role`, with at most `limit` signatures, each under
    /// an id of its own (§4.2.1).
    pub(super) fn read(bytes: &[u8], role: Role, limit: usize) -> Result<Self, MetadataError> {
        let wire: Self = serde_json::from_value(json::read(bytes)?)?;
        let found = wire.signatures.len();
        if found > limit {
            return Err(MetadataError::Signatures { found, limit });
        }
        let ids: BTreeSet<_> = wire.signatures.iter().map(|signature| &signature.keyid).collect();
        if ids.len() < found {
            return Err(MetadataError::SignedTwice);
        }
        let kind = wire.signed.get("_type").and_then(Value::as_str);
        if kind != Some(role.as_str()) {
            let found = kind.unwrap_or("nothing that says").to_owned();
            return Err(MetadataError::Kind { wanted: role, found });
        }
        Ok(wire)
    }
}

impl<T: Body> Envelope<T> {
    /// Reads a file that should be metadata of the kind `T`, with at most `signatures` signatures.
    pub(super) fn read(bytes: &[u8], signatures: usize) -> Result<Self, MetadataError> {
        let wire = Wire::read(bytes, T::ROLE, signatures)?;
        let message = json::canonical(&wire.signed);
        let signed = serde_json::from_value(wire.signed)?;
        Ok(Self { signed, message, signatures: wire.signatures })
    }

    /// What is signed, if `authority` has signed it.
    pub(super) fn verify(self, authority: Authority) -> Result<Signed<T>, TooFew> {
        self.check(authority)?;
        Ok(self.signed)
    }

    /// Whether `authority` has signed.
    pub(super) fn check(&self, authority: Authority) -> Result<(), TooFew> {
        verify_role(authority, &self.message, &self.signatures)
    }
}

impl Envelope<Root> {
    /// What is signed, if its own holders of the root role have signed it. It vouches for itself
    /// alone: only for a root that is trusted already, or is also [checked](Self::check) against
    /// its predecessor.
    pub(super) fn verify_itself(self) -> Result<Signed<Root>, TooFew> {
        self.check(self.signed.body.authority(Role::Root))?;
        Ok(self.signed)
    }
}

/// Verifies a role: at least `threshold` different keys of its holders have signed `message`
/// (specification 5.3.4, 5.4.2, 5.5.3, 5.6.3). There is no second copy of this.
///
/// Keys are told apart by what they are, not by their ids, so the same key under two ids, or two
/// signatures by one key, count once.
fn verify_role(
    authority: Authority,
    message: &[u8],
    signatures: &[Signature],
) -> Result<(), TooFew> {
    let signatures = signatures.iter().map(|signature| (&signature.keyid, signature.sig.as_str()));
    let valid = signed_by(authority, message, signatures).len() as u64;
    if valid >= authority.threshold.get() {
        return Ok(());
    }
    Err(TooFew { valid, threshold: authority.threshold.get() })
}

/// Which different keys of those who hold a role have signed `message`: by what they are, with the
/// id under which the signature came.
pub(super) fn signed_by<'a>(
    authority: Authority,
    message: &[u8],
    signatures: impl Iterator<Item = (&'a KeyId, &'a str)>,
) -> BTreeMap<Vec<u8>, &'a KeyId> {
    let mut valid = BTreeMap::new();
    for (id, signature) in signatures.filter(|(id, _)| authority.keyids.contains(id)) {
        let Some(key) = authority.keys.get(id).and_then(PublicKey::verifier) else { continue };
        if key.verifies(message, signature) {
            valid.insert(key.material(), id);
        }
    }
    valid
}
