//! For how long a release counts.

use crate::tuf::UtcTime;

/// When a release is signed, and for how long its metadata are valid.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseTerms {
    /// When it is signed.
    pub signed_at: UtcTime,
    /// When its targets metadata expire.
    pub targets_expire: UtcTime,
    /// When its snapshot metadata expire.
    pub snapshot_expires: UtcTime,
    /// When its timestamp metadata expire.
    pub timestamp_expires: UtcTime,
}
