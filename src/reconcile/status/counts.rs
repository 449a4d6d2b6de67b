//! What all runs of a gateway have done so far, for counters that only rise.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Report;
use crate::reconcile::units::{Changes, KINDS};

/// What all runs so far have done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Drift {
    /// Files of the generation in use
    pub files: u64,
    /// Units, by their kind
    pub units: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds what a run did; `alarm` if it gave one that the run before had not given.
    pub(super) fn add(&mut self, report: &Report, alarm: bool) {
        let applied = u64::try_from(report.applied.len()).unwrap_or(u64::MAX);
        self.applied = self.applied.saturating_add(applied);
        self.rolled_back = self.rolled_back.saturating_add(report.rolled_back.into());
        self.alarms = self.alarms.saturating_add(alarm.into());
        if let (Some(repaired), false) = (&report.repaired, report.booted) {
            self.drift.add(repaired);
        }
    }
}

impl Drift {
    fn add(&mut self, changes: &Changes) {
        self.files = self.files.saturating_add(changes.files.into());
        for kind in KINDS {
            let more = u64::try_from(changes.of_kind(kind)).unwrap_or(u64::MAX);
            if more > 0 {
                let count = self.units.entry((*kind).to_owned()).or_default();
                *count = count.saturating_add(more);
            }
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind().fold(self.files, |sum, (_, count)| sum.saturating_add(count))
    }

    /// The count of every kind of unit.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().map(|kind| (*kind, self.units.get(*kind).copied().unwrap_or_default()))
    }
}
