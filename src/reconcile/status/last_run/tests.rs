//! What is told again, and what is written where.

use super::*;
use crate::host::fake::{Fake, Fate};

fn at(text: &str) -> UtcTime {
    text.parse().unwrap()
}

/// A run that warned of `warning`, after `before`.
fn run(before: Option<&LastRun>, now: &str, warning: &str) -> LastRun {
    let report = Report { warnings: vec![warning.to_owned()], ..Report::default() };
    LastRun::new(before, at(now), &report, &Ok(Outcome::Converged))
}

#[test]
fn what_is_still_so_is_told_again_after_a_day() {
    let first = run(None, "2030-01-01T12:00:00Z", "w");
    assert!(first.told_lately("w", at("2030-01-02T11:59:59Z")).is_some());
    assert!(first.told_lately("other", at("2030-01-01T12:01:00Z")).is_none());
    // The runs in between do not begin the day anew.
    let second = run(Some(&first), "2030-01-01T20:00:00Z", "w");
    assert!(second.told_lately("w", at("2030-01-02T12:00:00Z")).is_none());
    // What was told of at a time to come was told by a clock that was wrong.
    assert!(second.told_lately("w", at("2029-12-31T00:00:00Z")).is_none());
    let gone = run(Some(&second), "2030-01-01T20:01:00Z", "v");
    assert!(gone.told_lately("w", at("2030-01-01T20:02:00Z")).is_none());
}

#[test]
fn names_of_temporary_files_and_seconds_are_no_news() {
    let slow = |seconds: &str| format!("a: not done within {seconds} s; b: not done within 1 s");
    let first = run(None, "2030-01-01T12:00:00Z", &slow("60"));
    assert!(first.told_lately(&slow("59"), at("2030-01-01T12:01:00Z")).is_some());
    assert!(first.told_lately("a: not done within 60 steps", first.at).is_none());
    let full = |name: &str| format!("cannot write x: No space left at path \"/s/.tieline-{name}\"");
    let first = run(None, "2030-01-01T12:00:00Z", &full("aB3xY9"));
    assert!(first.told_lately(&full("Zz00k1"), at("2030-01-01T12:01:00Z")).is_some());
}

#[test]
fn the_disk_is_written_to_when_something_changes_and_once_an_hour() {
    let host = Fake::default();
    let paths = Paths::default();
    let written = |run: &LastRun| {
        host.begin(Fate::Kind);
        run.save(&host, &paths).unwrap();
        host.with(|world| world.effects.len() == 2)
    };
    let first = run(None, "2030-01-01T12:00:00Z", "w");
    assert!(written(&first));
    let quiet = run(Some(&first), "2030-01-01T12:59:59Z", "w");
    assert!(!written(&quiet));
    assert_eq!(LastRun::load(&host, &paths).as_ref(), Some(&quiet));
    assert!(written(&run(Some(&quiet), "2030-01-01T13:00:00Z", "w")));
    assert!(written(&run(Some(&quiet), "2030-01-01T13:01:00Z", "v")));
    host.reboot(&paths.run);
    assert_eq!(LastRun::load(&host, &paths).unwrap().warnings, ["v"]);
}
