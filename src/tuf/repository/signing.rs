//! Choosing among the keys at hand those that a role needs.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use super::RepositoryError;
use crate::tuf::draft::seal;
use crate::tuf::json::MAX_NUMBER;
use crate::tuf::metadata::{Body, Root, SPEC_VERSION, Signed};
use crate::tuf::role_keys::Authority;
use crate::tuf::{KeyId, PublicKey, Role, Signer, UtcTime};

/// Metadata of the kind `T`, not yet signed.
pub(super) fn draft<T: Body>(
    body: T,
    version: NonZeroU64,
    expires: UtcTime,
    now: UtcTime,
) -> Result<Signed<T>, RepositoryError> {
    if expires <= now {
        return Err(RepositoryError::Expired { role: T::ROLE, expires, now });
    }
    Ok(Signed {
        role: T::ROLE,
        spec_version: SPEC_VERSION.to_owned(),
        version,
        expires,
        signed_at: Some(now),
        body,
    })
}

/// The version after `version`; the first where there is none.
pub(super) fn next_version(
    role: Role,
    version: Option<NonZeroU64>,
) -> Result<NonZeroU64, RepositoryError> {
    let next = version.map_or(Some(NonZeroU64::MIN), |version| version.checked_add(1));
    next.filter(|next| next.get() <= MAX_NUMBER).ok_or(RepositoryError::LastVersion { role })
}

/// Has those `signers` that hold the role in `root` sign, or says which are missing.
pub(super) fn sign<T: Body>(
    signed: &Signed<T>,
    root: &Root,
    signers: &[&dyn Signer],
) -> Result<Vec<u8>, RepositoryError> {
    let holding = holding(root, T::ROLE, signers)?;
    Ok(seal(signed, &holding)?)
}

/// Those of `signers` that hold `role` in `root`, each once, with the id that root gives its key.
fn holding<'a>(
    root: &Root,
    role: Role,
    signers: &[&'a dyn Signer],
) -> Result<Vec<(KeyId, &'a dyn Signer)>, RepositoryError> {
    let holding = among(root.authority(role), signers);
    let holders = root.roles.of(role);
    let (found, needed) = (holding.len() as u64, holders.threshold.get());
    if found < needed {
        let holders = holders.keyids.clone();
        let role = role.to_string();
        return Err(RepositoryError::MissingKeys { role, found, needed, holders });
    }
    Ok(holding)
}

/// The same, however few they are.
pub(super) fn among<'a>(
    authority: Authority,
    signers: &[&'a dyn Signer],
) -> Vec<(KeyId, &'a dyn Signer)> {
    let mut seen = BTreeSet::new();
    let mut holding = Vec::new();
    for id in authority.keyids {
        let Some(key) = authority.keys.get(id).and_then(PublicKey::verifier) else { continue };
        let signer = signers.iter().find(|signer| signer.public().verifier() == Some(key));
        if let Some(signer) = signer
            && seen.insert(key.material())
        {
            holding.push((id.clone(), *signer));
        }
    }
    holding
}
