//! One root after another: whether it is the next, and whether version numbers still count after it.

use crate::tuf::envelope::Envelope;
use crate::tuf::metadata::{Body, Root, Signed, Snapshot, Timestamp};
use crate::tuf::{Limits, Role, TrustError};

/// Whether gateways that follow to `root` hold on to the version numbers of this `timestamp` and
/// `snapshot`. They forget them where the keys of one of the two roles changed (specification
/// 5.3.11), and never knew them where the keys never signed; either way both do not verify under
/// the new root.
pub fn keeps_versions(root: &[u8], timestamp: &[u8], snapshot: &[u8]) -> Result<bool, TrustError> {
    let root = trusted(root)?;
    Ok(is_signed_as_wanted::<Timestamp>(&root.body, timestamp)
        && is_signed_as_wanted::<Snapshot>(&root.body, snapshot))
}

/// Whether `next` is the version of root metadata that follows `root`, as those who hold `root`
/// want it: then gateways know it, and `root` is no longer the newest.
pub fn is_next_root(root: &[u8], next: &[u8]) -> Result<bool, TrustError> {
    let root = trusted(root)?;
    let next = Envelope::<Root>::read(next, Limits::GATEWAY.signatures);
    let signed = next.ok().filter(|next| next.check(root.body.authority(Role::Root)).is_ok());
    let next = signed.and_then(|next| next.verify_itself().ok());
    Ok(next.is_some_and(|next| next.version.get() == root.version.get().saturating_add(1)))
}

fn trusted(root: &[u8]) -> Result<Signed<Root>, TrustError> {
    let metadata = |source| TrustError::Metadata {
        file: Root::ROLE.file_name().to_owned(),
        role: Root::ROLE,
        source,
    };
    let root = Envelope::<Root>::read(root, Limits::GATEWAY.signatures).map_err(metadata)?;
    root.verify_itself().map_err(|source| TrustError::Signature {
        file: Root::ROLE.file_name().to_owned(),
        by: "it".to_owned(),
        source,
    })
}

fn is_signed_as_wanted<T: Body>(root: &Root, bytes: &[u8]) -> bool {
    let envelope = Envelope::<T>::read(bytes, Limits::GATEWAY.signatures);
    envelope.is_ok_and(|envelope| envelope.check(root.authority(T::ROLE)).is_ok())
}
