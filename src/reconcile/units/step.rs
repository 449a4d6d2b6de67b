//! Steps: what is done to a unit, when, and what that means for others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Action, UnitId};

/// One change to this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The unit it is about.
    pub unit: UnitId,
    /// When it is done.
    pub phase: Phase,
    /// The units that carry no traffic for a moment because of it, or never again.
    pub interrupts: BTreeSet<UnitId>,
    /// The units that have to be as wanted before it: where one of them failed, it is left out.
    pub needs: BTreeSet<UnitId>,
    /// What is done.
    pub action: Action,
}

/// When a step is done: what is new first, what goes last, so that nothing that works is taken away
/// before what replaces it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Something is new.
    Add,
    /// Something becomes different.
    Change,
    /// Something goes.
    Remove,
}

/// The way from seen to wanted, in the order in which it is gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps(pub Vec<Step>);

impl Step {
    /// A step that needs nothing and interrupts nobody.
    pub(super) fn new(unit: UnitId, phase: Phase, action: Action) -> Self {
        Self { unit, phase, interrupts: BTreeSet::new(), needs: BTreeSet::new(), action }
    }

    pub(super) fn interrupts(mut self, unit: UnitId) -> Self {
        self.interrupts.insert(unit);
        self
    }

    pub(super) fn needs(mut self, unit: UnitId) -> Self {
        self.needs.insert(unit);
        self
    }

    /// Whether it is about nothing but `units`: it is a step of one of them, or interrupts one.
    #[must_use]
    pub fn concerns(&self, units: &BTreeSet<UnitId>) -> bool {
        units.contains(&self.unit) || !self.interrupts.is_disjoint(units)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.action.fmt(f)
    }
}

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

/// The steps so far, for kinds of the layers above to look at.
#[derive(Debug, Default)]
pub(super) struct Deciding {
    /// In the order of layers.
    pub(super) steps: Vec<Step>,
    /// When a unit is made or remade.
    made: BTreeMap<UnitId, Phase>,
}

impl Deciding {
    pub(super) fn push(&mut self, step: Step) {
        if step.phase != Phase::Remove {
            self.made.insert(step.unit.clone(), step.phase);
        }
        self.steps.push(step);
    }

    /// When `unit` is made or changed by a step so far; `None` where it stays as it is.
    pub(super) fn made(&self, unit: &UnitId) -> Option<Phase> {
        self.made.get(unit).copied()
    }
}
