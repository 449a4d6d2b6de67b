//! Whether the version numbers of a release still count after a change of keys.

use crate::tuf::envelope::Envelope;
use crate::tuf::metadata::{Body, Root, Snapshot, Timestamp};
use crate::tuf::{Limits, TrustError};

/// Whether gateways that follow to `root` hold on to the version numbers of this `timestamp` and
/// `snapshot`. They forget them where the keys of one of the two roles changed (specification
/// 5.3.11), and never knew them where the keys never signed; either way both do not verify under
/// the new root.
pub fn binding(root: &[u8], timestamp: &[u8], snapshot: &[u8]) -> Result<bool, TrustError> {
    let metadata = |source| TrustError::Metadata {
        file: Root::ROLE.file_name().to_owned(),
        role: Root::ROLE,
        source,
    };
    let root = Envelope::<Root>::read(root, Limits::GATEWAY.signatures).map_err(metadata)?;
    let root = root.verify_itself().map_err(|source| TrustError::Signature {
        file: Root::ROLE.file_name().to_owned(),
        by: "it".to_owned(),
        source,
    })?;
    Ok(stands::<Timestamp>(&root.body, timestamp) && stands::<Snapshot>(&root.body, snapshot))
}

fn stands<T: Body>(root: &Root, bytes: &[u8]) -> bool {
    let envelope = Envelope::<T>::read(bytes, Limits::GATEWAY.signatures);
    envelope.is_ok_and(|envelope| envelope.check(root.authority(T::ROLE)).is_ok())
}
