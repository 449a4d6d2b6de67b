//! What every metadata file says, whatever its role.

use std::num::NonZeroU64;

use crate::tuf::metadata::{Body, Snapshot, Targets, Timestamp};
use crate::tuf::{Draft, MetadataError, Role, UtcTime};

/// The part of a file that is the same for all roles, on its writer's word.
pub(super) struct Header {
    pub(super) version: NonZeroU64,
    pub(super) expires: UtcTime,
    pub(super) signed_at: Option<UtcTime>,
}

impl Header {
    pub(super) fn of(draft: &Draft) -> Result<Self, MetadataError> {
        match draft.role() {
            Role::Snapshot => Self::with::<Snapshot>(draft),
            Role::Timestamp => Self::with::<Timestamp>(draft),
            Role::Targets | Role::Root => Self::with::<Targets>(draft),
        }
    }

    fn with<T: Body>(draft: &Draft) -> Result<Self, MetadataError> {
        let signed = draft.content::<T>()?;
        Ok(Self { version: signed.version, expires: signed.expires, signed_at: signed.signed_at })
    }
}
