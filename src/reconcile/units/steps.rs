//! All steps of a run.

use std::collections::BTreeSet;

use super::{Step, UnitId};

/// The way from seen to wanted, in the order in which it is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps(pub Vec<Step>);

impl Steps {
    /// Whether all is as wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All steps, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.0.iter()
    }

    /// Every unit that a step interrupts.
    #[must_use]
    pub fn interrupted(&self) -> BTreeSet<UnitId> {
        self.iter().flat_map(|step| step.interrupts.iter().cloned()).collect()
    }

    /// The steps that are not about `units`, nor about what waits for one of them.
    pub fn not_about<'s>(&'s self, units: &'s BTreeSet<UnitId>) -> impl Iterator<Item = &'s Step> {
        // A device that cannot be set up has neither process nor routes.
        let waiting: BTreeSet<_> =
            self.iter().filter(|step| step.concerns(units)).map(|step| &step.unit).collect();
        self.iter().filter(move |step| {
            !step.concerns(units) && !step.needs.iter().any(|needed| waiting.contains(needed))
        })
    }
}
