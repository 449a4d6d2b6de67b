//! For how long something is to be valid, as the command line says it.

use std::str::FromStr;

use crate::tuf::UtcTime;

/// A number of days from now, or a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Lifetime {
    /// That many days after signing.
    Days(u32),
    /// At that time.
    Until(UtcTime),
}

/// A text that says neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("say a number of days such as 30d, or a time in UTC such as 2030-01-31T12:00:00Z")]
pub(in crate::cli) struct LifetimeError;

impl Lifetime {
    /// When something signed at `now` expires.
    pub(in crate::cli) fn end(self, now: UtcTime) -> UtcTime {
        match self {
            Self::Days(days) => now.plus_days(days),
            Self::Until(time) => time,
        }
    }
}

impl FromStr for Lifetime {
    type Err = LifetimeError;

    fn from_str(text: &str) -> Result<Self, LifetimeError> {
        match text.strip_suffix('d') {
            Some(days) => days.parse().map(Self::Days).map_err(|_| LifetimeError),
            None => text.parse().map(Self::Until).map_err(|_| LifetimeError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_or_a_time() {
        let now: UtcTime = "2030-01-31T12:00:00Z".parse().unwrap();
        let end = |text: &str| text.parse::<Lifetime>().map(|life| life.end(now).to_string());
        assert_eq!(end("30d").unwrap(), "2030-03-02T12:00:00Z");
        assert_eq!(end("2031-01-01T00:00:00Z").unwrap(), "2031-01-01T00:00:00Z");
        for bad in ["", "30", "d", "-1d", "1.5d", "30 d", "2031-01-01"] {
            assert_eq!(end(bad), Err(LifetimeError), "{bad:?}");
        }
    }
}
