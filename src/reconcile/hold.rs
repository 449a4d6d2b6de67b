//! A hold: an administrator's word that no release is to be applied here for now.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{FileError, Files, Mode};
use crate::primitives::{error_chain, is_plain};
use crate::tuf::UtcTime;

/// `hold.json` in the state directory.
///
/// Format 1 is written and read by Tieline 0.1. A file in another format is a hold as well:
/// somebody asked for one. Fields that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The version of this format: 1
    pub format: u32,
    /// Why, in one line
    pub reason: String,
    /// When it was asked for, by this host's clock
    #[schemars(with = "String")]
    pub since: UtcTime,
    /// When it ends by itself; without it only `tieline release-hold` ends it
    #[schemars(with = "Option<String>")]
    pub until: Option<UtcTime>,
}

/// Why a text is no reason for a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reason is one line of 1 to {} characters, for whoever finds the gateway on hold",
    Hold::LONGEST_REASON
)]
pub struct ReasonError;

impl Hold {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    /// The most characters of a reason.
    pub const LONGEST_REASON: usize = 200;
    const FILE: &'static str = "hold.json";
    const LIMIT: u64 = 64 << 10;

    /// A hold from now on.
    pub fn new(reason: &str, since: UtcTime, until: Option<UtcTime>) -> Result<Self, ReasonError> {
        let reason = reason.trim();
        let fits = (1..=Self::LONGEST_REASON).contains(&reason.chars().count());
        if !fits || !reason.chars().all(is_plain) {
            return Err(ReasonError);
        }
        Ok(Self { format: Self::FORMAT, reason: reason.to_owned(), since, until })
    }

    /// The hold in the state directory, ended or not. One that cannot be read or understood is in
    /// force: it does less harm than a release that nobody wants now.
    #[must_use]
    pub fn load(files: &dyn Files, state: &Utf8Path) -> Option<Self> {
        let path = place(state);
        let reason = match files.read(&path, Self::LIMIT) {
            Err(error) if error.is_not_found() => return None,
            Err(error) => error_chain(&error),
            Ok(content) => match serde_json::from_slice::<Self>(&content) {
                Ok(hold) if hold.format == Self::FORMAT => return Some(hold),
                Ok(_) => format!("{path} is of another version of Tieline"),
                Err(error) => format!("{path} cannot be understood: {}", error_chain(&error)),
            },
        };
        let since = UtcTime::from_clock(time::OffsetDateTime::UNIX_EPOCH);
        Some(Self { format: Self::FORMAT, reason, since, until: None })
    }

    /// The hold that is in force now.
    #[must_use]
    pub fn in_force(files: &dyn Files, state: &Utf8Path, now: UtcTime) -> Option<Self> {
        Self::load(files, state).filter(|hold| !hold.has_ended(now))
    }

    /// Whether it has ended by itself. A clock that is behind makes it last longer.
    #[must_use]
    pub fn has_ended(&self, now: UtcTime) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Puts it in force, in place of any other.
    pub fn save(&self, files: &dyn Files, state: &Utf8Path) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let mut content = serde_json::to_vec_pretty(self).unwrap_or_default();
        content.push(b'\n');
        files.create_dir(state)?;
        files.replace(&place(state), &content, Mode::Public)
    }

    /// Ends the hold of a gateway, if there is one.
    pub fn release(files: &dyn Files, state: &Utf8Path) -> Result<(), FileError> {
        files.remove(&place(state))?;
        files.sync_dir(state)
    }
}

fn place(state: &Utf8Path) -> Utf8PathBuf {
    state.join(Hold::FILE)
}

/// As messages say it: `on hold until …: reason`.
impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.until {
            Some(until) => write!(f, "on hold until {until}: {}", self.reason),
            None => write!(f, "on hold: {}", self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::Fake;

    const STATE: &str = "/var/lib/tieline";

    fn at(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_put_in_force_is_found_and_ends() {
        let host = Fake::default();
        let (now, then) = (at("2030-01-01T12:00:00Z"), at("2030-01-01T14:00:00Z"));
        assert_eq!(Hold::load(&host, STATE.into()), None);
        let hold = Hold::new(" new switch ", now, Some(then)).unwrap();
        hold.save(&host, STATE.into()).unwrap();
        assert_eq!(Hold::load(&host, STATE.into()).as_ref(), Some(&hold));
        assert_eq!(hold.to_string(), "on hold until 2030-01-01T14:00:00Z: new switch");
        assert!(!hold.has_ended(at("2030-01-01T13:59:59Z")) && hold.has_ended(then));
        assert!(!Hold { until: None, ..hold }.has_ended(at("9999-12-31T23:59:59Z")));
        Hold::release(&host, STATE.into()).unwrap();
        assert_eq!(Hold::load(&host, STATE.into()), None);
    }

    #[test]
    fn what_cannot_be_understood_is_a_hold() {
        let host = Fake::default();
        for text in ["", "{}", r#"{"format":2,"reason":"x","since":"2030-01-01T12:00:00Z"}"#] {
            host.put("/var/lib/tieline/hold.json", text.as_bytes());
            let hold = Hold::load(&host, STATE.into()).unwrap();
            assert!(hold.reason.contains("/var/lib/tieline/hold.json"), "{text}: {hold}");
            assert!(!hold.has_ended(at("9999-12-31T23:59:59Z")));
        }
    }

    #[test]
    fn a_reason_is_a_line() {
        let now = at("2030-01-01T12:00:00Z");
        for bad in ["", "  ", "a\nb", "\u{1b}[2J", &"x".repeat(201)] {
            assert!(Hold::new(bad, now, None).is_err(), "{bad:?}");
        }
        assert!(Hold::new(&"é".repeat(200), now, None).is_ok());
    }
}
