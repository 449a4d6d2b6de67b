//! What all runs of a gateway have done so far, for counters that only rise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Changes, Report};

/// What all runs so far have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Counts {
    /// Releases that were applied and proved healthy
    pub applied: u64,
    /// Releases that were rolled back
    pub rolled_back: u64,
    /// Times that nothing went on until somebody had had a look
    pub alarms: u64,
    /// What was found changed, and put right
    pub drift: Drift,
}

/// What was found changed, and put right. What a reboot took away does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drift {
    /// Files of the generation in use
    pub files: u64,
    /// Tunnels whose process or device was not as it should be
    pub tunnels: u64,
    /// Runs that found routes changed
    pub routes: u64,
    /// Runs that found the nftables table changed
    pub firewall: u64,
    /// Runs that found kernel settings changed
    pub settings: u64,
}

impl Counts {
    /// Adds what a run did; `alarm` if it gave one that the run before had not given.
    pub(super) fn add(&mut self, report: &Report, alarm: bool) {
        let applied = u64::try_from(report.applied.len()).unwrap_or(u64::MAX);
        self.applied = self.applied.saturating_add(applied);
        self.rolled_back = self.rolled_back.saturating_add(report.rolled_back.into());
        self.alarms = self.alarms.saturating_add(alarm.into());
        if let (Some(repaired), false) = (report.repaired, report.booted) {
            self.drift.add(repaired);
        }
    }
}

impl Drift {
    fn add(&mut self, changes: Changes) {
        let Changes { files, added, restarted, removed, routes, firewall, settings } = changes;
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        for (count, more) in [
            (&mut self.files, files.into()),
            (&mut self.tunnels, number(added + restarted + removed)),
            (&mut self.routes, routes.into()),
            (&mut self.firewall, firewall.into()),
            (&mut self.settings, settings.into()),
        ] {
            *count = count.saturating_add(more);
        }
    }

    /// Each count with its name.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, u64); 5] {
        let Self { files, tunnels, routes, firewall, settings } = *self;
        [
            ("files", files),
            ("tunnels", tunnels),
            ("routes", routes),
            ("firewall", firewall),
            ("settings", settings),
        ]
    }
}
