//! `remotes.json`: which remotes failed, and how long the others are asked before them.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{BootClock, FileError, Files, Mode, Source};

/// The remotes that failed, in `remotes.json` of the run directory: a reboot forgets them.
///
/// Format 1 is written and read by Tieline 0.1; another one counts as none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// The version of this format: 1
    pub format: u32,
    /// The boot that the times below are counted from: the kernel's boot_id
    pub boot: String,
    /// By host, as in `https://git.example.net`
    pub hosts: BTreeMap<String, Failing>,
}

/// A host that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// How many times in a row
    pub failures: u32,
    /// Until when the others are asked first, in milliseconds after the boot
    pub until_ms: u64,
}

impl SetAside {
    const FORMAT: u32 = 1;
    const FILE: &'static str = "remotes.json";
    const LIMIT: u64 = 64 << 10;

    /// How long a host is set aside that failed once. Twice as long each time after that.
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

    /// How long `remote` is still set aside.
    #[must_use]
    pub fn left(&self, remote: &Source, now: &BootClock) -> Duration {
        let failing = self.hosts.get(&remote.origin());
        let until = failing.map(|failing| Duration::from_millis(failing.until_ms));
        until.unwrap_or_default().saturating_sub(now.uptime)
    }

    /// The remotes to ask now, in order: those that are not set aside as they are configured, and
    /// of those that are the one whose time is over first. So there is always one to ask, and a
    /// remote that hangs costs one share of the deadline, however many there are.
    pub(super) fn order<'r>(&self, remotes: &'r [Source], now: &BootClock) -> Vec<&'r Source> {
        let (mut order, aside): (Vec<_>, Vec<_>) =
            remotes.iter().partition(|remote| self.left(remote, now).is_zero());
        order.extend(aside.into_iter().min_by_key(|remote| self.left(remote, now)));
        order
    }

    /// Sets the host of `remote` aside: it failed.
    pub(super) fn failed(&mut self, remote: &Source, now: &BootClock) {
        let failures = self.hosts.get(&remote.origin()).map_or(0, |failing| failing.failures);
        let delay = Self::FIRST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
        let until = now.uptime.saturating_add(delay.min(Self::MOST));
        let until_ms = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        let failing = Failing { failures: failures.saturating_add(1), until_ms };
        self.hosts.insert(remote.origin(), failing);
    }

    /// The host of `remote` is as good as any other: it did what was asked.
    pub(super) fn answered(&mut self, remote: &Source) {
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

    fn nothing() -> SetAside {
        SetAside { format: 1, boot: "boot".to_owned(), hosts: BTreeMap::new() }
    }

    /// The places in the list of those that are asked.
    fn asked(aside: &SetAside, now: &BootClock) -> Vec<usize> {
        let remotes = remotes();
        let order = aside.order(&remotes, now);
        let place = |remote: &&Source| remotes.iter().position(|other| other == *remote).unwrap();
        order.iter().map(place).collect()
    }

    #[test]
    fn who_failed_is_asked_last_for_twice_as_long_each_time() {
        let (remotes, mut aside) = (remotes(), nothing());
        assert_eq!(asked(&aside, &at(0)), [0, 1, 2]);
        let mut now = 0;
        for minutes in [2, 4, 8, 16, 30, 30] {
            aside.failed(&remotes[0], &at(now));
            assert_eq!(aside.left(&remotes[0], &at(now)), Duration::from_mins(minutes));
            assert_eq!(asked(&aside, &at(now + minutes - 1)), [1, 2, 0]);
            now += minutes;
            assert_eq!(asked(&aside, &at(now)), [0, 1, 2]);
        }
        for _ in 0..100 {
            aside.failed(&remotes[0], &at(now));
        }
        assert_eq!(aside.left(&remotes[0], &at(now)), SetAside::MOST);
        aside.answered(&remotes[0]);
        assert_eq!(aside, nothing());
    }

    #[test]
    fn there_is_always_one_to_ask() {
        let (remotes, mut aside) = (remotes(), nothing());
        aside.failed(&remotes[1], &at(0));
        aside.failed(&remotes[0], &at(1));
        assert_eq!(asked(&aside, &at(1)), [2, 1], "of the others the one that is due first");
        aside.failed(&remotes[2], &at(1));
        aside.failed(&remotes[1], &at(1));
        assert_eq!(asked(&aside, &at(1)), [0]);
        // Nobody is asked less often because there is nobody else.
        let (only, now) = (&remotes[..1], at(1));
        assert_eq!(aside.order(only, &now).len(), 1);
    }

    #[test]
    fn it_is_the_host_that_failed() {
        let parse = source;
        let mut aside = nothing();
        aside.failed(&parse("https://a/m.git"), &at(0));
        assert!(!aside.left(&parse("https://a/other.git"), &at(0)).is_zero());
        for other in ["https://b/m.git", "https://a:8443/m.git", "git://a/m.git", "git@a:m.git"] {
            assert!(aside.left(&parse(other), &at(0)).is_zero(), "{other}");
        }
        aside.failed(&parse("git@a:m.git"), &at(0));
        assert!(!aside.left(&parse("ssh://git@a/other.git"), &at(0)).is_zero());
        aside.failed(&parse("/srv/m.git"), &at(0));
        assert!(aside.left(&parse("/srv/other.git"), &at(0)).is_zero());
    }
}
