//! Single checks, and the errors they end in.

use crate::primitives::Digest;
use crate::tuf::envelope::Envelope;
use crate::tuf::metadata::{Body, MetaFile, Root, Signed, Snapshot};
use crate::tuf::{Limits, PublicKey, Role, TooFew, TrustError};

/// Reads metadata of the kind `T`.
pub(super) fn read<T: Body>(
    file: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Envelope<T>, TrustError> {
    Envelope::read(bytes, limits.signatures).map_err(|source| TrustError::Metadata {
        file: file.to_owned(),
        role: T::ROLE,
        source,
    })
}

/// Whether the keys of a role that 5.3.11 speaks of differ between two roots.
pub(super) fn rotated(old: &Root, new: &Root) -> bool {
    [Role::Timestamp, Role::Snapshot].into_iter().any(|role| {
        let keys = |root: &Root| {
            let holders = root.roles.of(role);
            let mut keys: Vec<_> =
                holders.keyids.iter().map(|id| root.keys.get(id).cloned()).collect();
            keys.sort_by_key(|key| key.as_ref().map(PublicKey::id));
            (keys, holders.threshold)
        };
        keys(old) != keys(new)
    })
}

/// What tells whether two roots agree on the keys of freshness, on which [`rotated`] goes.
pub(super) fn freshness_keys(root: &Root) -> Digest {
    let told = [Role::Timestamp, Role::Snapshot].map(|role| {
        let holders = root.roles.of(role);
        let keys = holders.keyids.iter().filter_map(|id| root.keys.get(id));
        let mut keys: Vec<_> = keys.map(|key| key.id().to_string()).collect();
        keys.sort();
        format!("{} of {}", holders.threshold, keys.join(" "))
    });
    Digest::of(told.join("\n").as_bytes())
}

/// What a snapshot says of the top-level targets, which every snapshot must.
pub(super) fn targets_meta(
    file: &str,
    snapshot: &Signed<Snapshot>,
) -> Result<MetaFile, TrustError> {
    let meta = snapshot.body.meta.get(Role::Targets.file_name()).cloned();
    meta.ok_or_else(|| TrustError::Mismatch {
        file: Role::Targets.file_name().to_owned(),
        by: file.to_owned(),
    })
}

/// Whether a file has the length and the hashes, where they are given, that `by` says.
pub(super) fn check_bytes(
    file: &str,
    by: &str,
    meta: &MetaFile,
    bytes: &[u8],
) -> Result<(), TrustError> {
    let length = meta.length.is_none_or(|length| length == bytes.len() as u64);
    if length && meta.hashes.as_ref().is_none_or(|hashes| hashes.match_bytes(bytes)) {
        return Ok(());
    }
    Err(TrustError::Mismatch { file: file.to_owned(), by: by.to_owned() })
}

/// Whether metadata have the version that `by` says.
pub(super) fn check_version<T>(
    file: &str,
    by: &str,
    meta: &MetaFile,
    signed: &Signed<T>,
) -> Result<(), TrustError> {
    if signed.version == meta.version {
        return Ok(());
    }
    Err(TrustError::Mismatch { file: file.to_owned(), by: by.to_owned() })
}

/// The error for too few signatures, where `by` says who has to sign.
pub(super) fn unsigned(file: &str, by: &str, source: TooFew) -> TrustError {
    TrustError::Signature { file: file.to_owned(), by: by.to_owned(), source }
}

/// The error for a version of `what` that is lower than the trusted one.
pub(super) fn back(file: &str, what: &str, found: u64, trusted: u64) -> TrustError {
    TrustError::Rollback { file: file.to_owned(), what: what.to_owned(), found, trusted }
}
