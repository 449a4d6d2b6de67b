//! How long metadata are valid, and by what time that is judged.

use crate::tuf::metadata::Signed;
use crate::tuf::{RoleName, TrustError, UtcTime};

/// For how long the metadata of one role are valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// Whose metadata: `root`, `timestamp`, `snapshot`, `targets`, or the name of a delegated role.
    pub role: String,
    /// When they were signed, if they say so.
    pub signed_at: Option<UtcTime>,
    /// From when on they are expired.
    pub expires: UtcTime,
}

/// With this many days to go or more, nobody is warned.
const WARN_WITHIN_DAYS: u32 = 30;

impl Validity {
    /// The validity of `signed`.
    pub(in crate::tuf) fn of<T>(signed: &Signed<T>) -> Self {
        let role = signed.role.to_string();
        Self { role, signed_at: signed.signed_at, expires: signed.expires }
    }

    /// The validity of the metadata of a delegated role.
    pub(in crate::tuf) fn of_delegated<T>(role: &RoleName, signed: &Signed<T>) -> Self {
        Self { role: role.to_string(), ..Self::of(signed) }
    }

    /// Whether people should be told that somebody has to sign again: past half of the time
    /// between signing and expiry, and less than 30 days to go.
    #[must_use]
    pub fn is_ending(&self, now: UtcTime) -> bool {
        let past_half = self.signed_at.is_none_or(|start| start.halfway_to(self.expires) <= now);
        past_half && now.plus_days(WARN_WITHIN_DAYS) > self.expires
    }
}

/// How expiry is judged in one update: by one time, fixed at its beginning (specification 5.1).
#[derive(Debug, Clone, Copy)]
pub(in crate::tuf) enum ExpiryCheck {
    /// By this time.
    At(UtcTime),
    /// Not at all: for the keeper of a repository, who must be able to renew what has expired.
    /// Never for a gateway.
    Never,
}

impl ExpiryCheck {
    /// The later of this time and one that signed metadata prove to have passed.
    pub(in crate::tuf) fn not_before(self, signed_at: Option<UtcTime>) -> Self {
        match (self, signed_at) {
            (Self::At(now), Some(floor)) => Self::At(now.max(floor)),
            (check, _) => check,
        }
    }

    /// Refuses metadata that are no longer valid: they are, up to but not including the second
    /// they name.
    pub(in crate::tuf) fn check<T>(self, file: &str, signed: &Signed<T>) -> Result<(), TrustError> {
        match self {
            Self::At(now) if now >= signed.expires => {
                Err(TrustError::Expired { file: file.to_owned(), expired: signed.expires, now })
            }
            _ => Ok(()),
        }
    }
}
