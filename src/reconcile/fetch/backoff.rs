//! Backoff: a remote that failed is asked after the others for a while, which is noted in
//! `remotes.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{BootClock, FileError, Files, Mode, Source};

/// The remotes that failed, in `remotes.json` of the run directory: a reboot forgets them.
///
/// Format 1 is written and read by Tieline 0.1; another one counts as none. Fields that are not
/// known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backoff {
    /// The version of this format: 1
    pub format: u32,
    /// The boot that the times below are counted from: the kernel's boot_id
    pub boot: String,
    /// By host, as in `https://git.example.net`
    pub hosts: BTreeMap<String, FailingHost>,
}

/// A host that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailingHost {
    /// How many times in a row
    pub failures: u32,
    /// Until when the others are asked first, in milliseconds after the boot
    pub until_ms: u64,
}

impl Backoff {
    const FORMAT: u32 = 1;
    const FILE: &'static str = "remotes.json";
    const LIMIT: u64 = 64 << 10;

    /// How long a host is asked last after its first failure. Twice as long after each one more.
    const FIRST: Duration = Duration::from_mins(2);

    /// No longer than that: whoever repairs a remote should not have to wait for hours.
    const MOST: Duration = Duration::from_mins(30);

    fn path(run: &Utf8Path) -> Utf8PathBuf {
        run.join(Self::FILE)
    }

    /// What earlier runs since this boot noted. Whatever cannot be read is nothing.
    #[must_use]
    pub fn load(files: &dyn Files, run: &Utf8Path, now: &BootClock) -> Self {
        let content = files.read(&Self::path(run), Self::LIMIT).unwrap_or_default();
        let noted = serde_json::from_slice::<Self>(&content).ok();
        let known = |noted: &Self| noted.format == Self::FORMAT && noted.boot == now.id;
        let nothing =
            || Self { format: Self::FORMAT, boot: now.id.clone(), hosts: BTreeMap::new() };
        noted.filter(known).unwrap_or_else(nothing)
    }

    pub(super) fn save(&self, files: &dyn Files, run: &Utf8Path) -> Result<(), FileError> {
        if self.hosts.is_empty() {
            return files.remove(&Self::path(run));
        }
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let content = serde_json::to_vec_pretty(self).unwrap_or_default();
        files.replace(&Self::path(run), &content, Mode::Public)
    }

    /// How long `remote` is still set backoff.
    #[must_use]
    pub fn remaining(&self, remote: &Source, now: &BootClock) -> Duration {
        let failing = self.hosts.get(&remote.origin());
        let until = failing.map(|failing| Duration::from_millis(failing.until_ms));
        until.unwrap_or_default().saturating_sub(now.uptime)
    }

    /// The remotes to ask now, in order: those that did not fail as they are configured, and of
    /// those that did the one whose time is over first. So there is always one to ask, and a
    /// remote that hangs costs one share of the deadline, however many there are.
    pub(super) fn order<'r>(&self, remotes: &'r [Source], now: &BootClock) -> Vec<&'r Source> {
        let (mut order, failing): (Vec<_>, Vec<_>) =
            remotes.iter().partition(|remote| self.remaining(remote, now).is_zero());
        order.extend(failing.into_iter().min_by_key(|remote| self.remaining(remote, now)));
        order
    }

    /// Notes that the host of `remote` failed.
    pub(super) fn note_failure(&mut self, remote: &Source, now: &BootClock) {
        let failures = self.hosts.get(&remote.origin()).map_or(0, |failing| failing.failures);
        let delay = Self::FIRST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
        let until = now.uptime.saturating_add(delay.min(Self::MOST));
        let until_ms = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        let failing = FailingHost { failures: failures.saturating_add(1), until_ms };
        self.hosts.insert(remote.origin(), failing);
    }

    /// The host of `remote` is as good as any other: it did what was asked.
    pub(super) fn note_answer(&mut self, remote: &Source) {
        self.hosts.remove(&remote.origin());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::git::Remote;

    fn at(minutes: u64) -> BootClock {
        BootClock { id: "boot".to_owned(), uptime: Duration::from_mins(minutes) }
    }

    fn source(url: &str) -> Source {
        Source::Git(Remote::new(url.parse().unwrap()))
    }

    fn remotes() -> Vec<Source> {
        let urls = ["https://a/m.git", "ssh://git@b/m.git", "/srv/m.git"];
        urls.iter().map(|url| source(url)).collect()
    }

    fn nothing() -> Backoff {
        Backoff { format: 1, boot: "boot".to_owned(), hosts: BTreeMap::new() }
    }

    /// The places in the list of those that are asked.
    fn asked(backoff: &Backoff, now: &BootClock) -> Vec<usize> {
        let remotes = remotes();
        let order = backoff.order(&remotes, now);
        let place = |remote: &&Source| remotes.iter().position(|other| other == *remote).unwrap();
        order.iter().map(place).collect()
    }

    #[test]
    fn who_failed_is_asked_last_for_twice_as_long_each_time() {
        let (remotes, mut backoff) = (remotes(), nothing());
        assert_eq!(asked(&backoff, &at(0)), [0, 1, 2]);
        let mut now = 0;
        for minutes in [2, 4, 8, 16, 30, 30] {
            backoff.note_failure(&remotes[0], &at(now));
            assert_eq!(backoff.remaining(&remotes[0], &at(now)), Duration::from_mins(minutes));
            assert_eq!(asked(&backoff, &at(now + minutes - 1)), [1, 2, 0]);
            now += minutes;
            assert_eq!(asked(&backoff, &at(now)), [0, 1, 2]);
        }
        for _ in 0..100 {
            backoff.note_failure(&remotes[0], &at(now));
        }
        assert_eq!(backoff.remaining(&remotes[0], &at(now)), Backoff::MOST);
        backoff.note_answer(&remotes[0]);
        assert_eq!(backoff, nothing());
    }

    #[test]
    fn there_is_always_one_to_ask() {
        let (remotes, mut backoff) = (remotes(), nothing());
        backoff.note_failure(&remotes[1], &at(0));
        backoff.note_failure(&remotes[0], &at(1));
        assert_eq!(asked(&backoff, &at(1)), [2, 1], "of the others the one that is due first");
        backoff.note_failure(&remotes[2], &at(1));
        backoff.note_failure(&remotes[1], &at(1));
        assert_eq!(asked(&backoff, &at(1)), [0]);
        // Nobody is asked less often because there is nobody else.
        let (only, now) = (&remotes[..1], at(1));
        assert_eq!(backoff.order(only, &now).len(), 1);
    }

    #[test]
    fn it_is_the_host_that_failed() {
        let parse = source;
        let mut backoff = nothing();
        backoff.note_failure(&parse("https://a/m.git"), &at(0));
        assert!(!backoff.remaining(&parse("https://a/other.git"), &at(0)).is_zero());
        for other in ["https://b/m.git", "https://a:8443/m.git", "git://a/m.git", "git@a:m.git"] {
            assert!(backoff.remaining(&parse(other), &at(0)).is_zero(), "{other}");
        }
        backoff.note_failure(&parse("git@a:m.git"), &at(0));
        assert!(!backoff.remaining(&parse("ssh://git@a/other.git"), &at(0)).is_zero());
        backoff.note_failure(&parse("/srv/m.git"), &at(0));
        assert!(backoff.remaining(&parse("/srv/other.git"), &at(0)).is_zero());
    }
}
