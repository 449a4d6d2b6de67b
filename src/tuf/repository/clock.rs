//! Whether a clock can be right, judged by what was signed before.

use super::RepositoryError;
use crate::tuf::UtcTime;

/// How many days may lie between two signatures. A clock that is further ahead is wrong, and what
/// it dates makes gateways believe that it is later than it is: everything honest looks expired.
const LONGEST_PAUSE: u32 = 400;

/// By how many days a clock may be behind the newest signature; clocks of several machines differ.
pub(super) const TOLERANCE: u32 = 1;

/// Refuses to sign at `now` what follows something that was signed at `last`.
pub(super) fn check_dates(last: UtcTime, now: UtcTime) -> Result<(), RepositoryError> {
    if now > last.plus_days(LONGEST_PAUSE) {
        return Err(RepositoryError::ClockAhead { now, last });
    }
    if now.plus_days(TOLERANCE) < last {
        return Err(RepositoryError::ClockBehind { now, last });
    }
    Ok(())
}
