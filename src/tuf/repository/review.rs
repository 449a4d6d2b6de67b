//! What can be wrong with a release although every key is right: each would be noticed on gateways
//! only, when it is late.

use std::collections::BTreeSet;

use super::clock::{TOLERANCE, check_dates};
use super::{Audit, Changes, ProposedMetadata, ReleaseTerms, RepositoryError};
use crate::primitives::Name;
use crate::tuf::{Role, UtcTime};

/// For how long metadata must be valid at least, in days: less leaves no time to sign again.
const SHORTEST: u32 = 1;

/// Refuses to sign by a clock that cannot be right.
pub fn check_clock(previous: &Audit, now: UtcTime) -> Result<(), RepositoryError> {
    let newest = previous.newest.as_ref();
    let dates = newest.map(|newest| {
        [newest.timestamp.signed_at, newest.snapshot.signed_at, newest.targets.signed_at]
    });
    let dates = dates.into_iter().flatten().chain([previous.root.signed_at]);
    dates.flatten().max().map_or(Ok(()), |last| check_dates(last, now))
}

/// Refuses to sign what is proposed where it says that it was made later than `now`: gateways would
/// take that for the time, and everything honest for expired.
pub fn check_proposed(metadata: &ProposedMetadata, now: UtcTime) -> Result<(), RepositoryError> {
    match metadata.latest_signed_at() {
        Some(dated) if dated > now.plus_days(TOLERANCE) => {
            Err(RepositoryError::Ahead { now, dated })
        }
        _ => Ok(()),
    }
}

/// Refuses metadata that expire before anybody had the time to sign again, the root included.
pub fn check_lifetimes(previous: &Audit, terms: &ReleaseTerms) -> Result<(), RepositoryError> {
    let ends = [
        (Role::Targets, terms.targets_expire),
        (Role::Snapshot, terms.snapshot_expires),
        (Role::Timestamp, terms.timestamp_expires),
        (Role::Root, previous.root.expires),
    ];
    for (role, expires) in ends {
        if expires < terms.signed_at.plus_days(SHORTEST) {
            return Err(RepositoryError::TooSoon { role, expires, now: terms.signed_at });
        }
    }
    Ok(())
}

/// Refuses to take the bundle away from a gateway that is not among those that may lose it.
pub fn check_removed(changes: &Changes, may: &BTreeSet<Name>) -> Result<(), RepositoryError> {
    let lost: Vec<Name> =
        changes.removed.iter().filter(|name| !may.contains(*name)).cloned().collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(RepositoryError::Drops { gateways: lost })
}
