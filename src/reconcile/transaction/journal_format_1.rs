//! The journal before units had names: what was tracked were devices of tunnels.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Journal, Origin, Phase};
use crate::primitives::{Device, Name};
use crate::reconcile::cause::Cause;
use crate::reconcile::generation::Label;
use crate::reconcile::health::Health;
use crate::reconcile::units::{Level, UnitHealth, tunnel};

#[derive(Deserialize)]
struct Format1 {
    phase: Phase,
    cause: Cause,
    from: Origin,
    to: Label,
    changed: BTreeSet<Device>,
    boot: String,
    deadline_ms: u64,
    baseline: Baseline,
    recoveries: u32,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Baseline {
    tunnels: BTreeMap<Device, PeerHealth>,
    remotes: BTreeMap<String, bool>,
    checks: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
struct PeerHealth {
    peer: Name,
    level: Level,
}

/// A journal in format 1, in the words of today.
pub(super) fn read(content: &[u8]) -> serde_json::Result<Journal> {
    let old: Format1 = serde_json::from_slice(content)?;
    let unit = |(device, of): (Device, PeerHealth)| {
        (tunnel::id(device), UnitHealth { peer: Some(of.peer), level: of.level })
    };
    Ok(Journal {
        format: Journal::FORMAT,
        phase: old.phase,
        cause: old.cause,
        from: old.from,
        to: old.to,
        changed: old.changed.into_iter().map(tunnel::id).collect(),
        boot: old.boot,
        deadline_ms: old.deadline_ms,
        baseline: Health {
            units: old.baseline.tunnels.into_iter().map(unit).collect(),
            remotes: old.baseline.remotes,
            checks: old.baseline.checks,
        },
        recoveries: old.recoveries,
        reason: old.reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::units::Prior;

    #[test]
    fn what_the_version_before_was_at_is_known() {
        let digest = "ab".repeat(32);
        let label =
            format!(r#"{{"format":1,"release":7,"digest":"{digest}","manifest":"{digest}"}}"#);
        let old = format!(
            r#"{{"format":1,"phase":"switched","cause":"by-hand",
                "from":{{"nothing":{{"settings":{{"net.ipv4.ip_forward":"0"}}}}}},"to":{label},
                "changed":["tl-2","tl-10"],"boot":"b","deadline_ms":1000,
                "baseline":{{"tunnels":{{"tl-2":{{"peer":"lyon","level":"alive"}},
                    "tl-3":{{"peer":"perth","level":"stopped"}}}},
                    "remotes":{{"https://h/m":true}},"checks":{{"ping 10.0.0.1":false}}}},
                "recoveries":2,"reason":null}}"#
        );
        let journal = Journal::read(old.as_bytes()).unwrap().unwrap();
        assert_eq!((journal.phase, journal.cause), (Phase::Switched, Cause::Administrator));
        let prior =
            Prior { settings: [(crate::bundle::Sysctl::Ip4Forward, "0".to_owned())].into() };
        assert_eq!(journal.from, Origin::Nothing(prior));
        let changed: Vec<_> = journal.changed.iter().map(ToString::to_string).collect();
        assert_eq!(changed, ["tunnel/tl-2", "tunnel/tl-10"]);
        let stopped: Vec<_> = journal.stopped_before().iter().map(ToString::to_string).collect();
        assert_eq!(stopped, ["tunnel/tl-3"]);
        assert_eq!(journal.baseline.remotes.len() + journal.baseline.checks.len(), 2);
        // From now on it is written in the format of today.
        let written = serde_json::to_vec(&journal).unwrap();
        assert!(written.starts_with(br#"{"format":2,"#));
        assert_eq!(Journal::read(&written).unwrap(), Some(journal));
    }
}
