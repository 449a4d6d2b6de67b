//! Points in time as metadata write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// ISO 8601 in UTC, to the second (TUF specification §4.2.1, "date-time").
const FORMAT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// The length of a time in that format, in bytes.
const LENGTH: usize = "2030-01-31T12:00:00Z".len();

/// A point in time, to the second, in UTC: `2030-01-31T12:00:00Z`, and spelled in no other way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcTime(OffsetDateTime);

/// A text that is not a point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time such as 2030-01-31T12:00:00Z")]
pub struct TimeError(String);

impl UtcTime {
    /// The whole second that `time` falls into.
    #[must_use]
    pub fn from_clock(time: OffsetDateTime) -> Self {
        let time = time.to_offset(time::UtcOffset::UTC);
        Self(time.replace_nanosecond(0).unwrap_or(time))
    }

    /// The time as the clock has it.
    #[must_use]
    pub fn to_clock(self) -> OffsetDateTime {
        self.0
    }

    /// The time `days` days later; the end of time where that is past the year 9999.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(time::Duration::days(days.into())).min(END.0))
    }

    /// The middle between this time and a later one.
    #[must_use]
    pub fn halfway_to(self, later: Self) -> Self {
        Self::from_clock(self.0.saturating_add((later.0 - self.0) / 2))
    }
}

/// The last second that can be written.
const END: UtcTime = UtcTime(time::macros::datetime!(9999-12-31 23:59:59 UTC));

impl FromStr for UtcTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError(text.chars().take(40).collect());
        let parsed = PrimitiveDateTime::parse(text, FORMAT).map_err(|_| error())?;
        let time = Self(parsed.assume_utc());
        // The parser also takes a sign before the year; there is one spelling.
        if text.len() == LENGTH { Ok(time) } else { Err(error()) }
    }
}

impl TryFrom<String> for UtcTime {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<UtcTime> for String {
    fn from(time: UtcTime) -> Self {
        time.to_string()
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0;
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        for good in ["1970-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(good.parse::<UtcTime>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "2030-01-01",
            "2030-01-01T00:00:00",
            "2030-01-01T00:00:00z",
            "2030-01-01t00:00:00Z",
            "2030-01-01 00:00:00Z",
            "2030-01-01T00:00:00+00:00",
            "2030-01-01T00:00:00.0Z",
            "+2030-01-01T00:00:00Z",
            "-2030-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2030-02-30T00:00:00Z",
            "2030-01-01T24:00:00Z",
            "2030-01-01T00:00:60Z",
            " 2030-01-01T00:00:00Z",
        ] {
            assert!(bad.parse::<UtcTime>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let late: UtcTime = "9999-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(late.plus_days(365), END);
    }
}
