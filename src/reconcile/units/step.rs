//! Steps: what is done to a unit, when, and what that means for others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::UnitId;

/// One change to this host, with what one kind of unit does for it, or any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<A> {
    /// The unit it is about.
    pub unit: UnitId,
    /// When it is done.
    pub phase: Phase,
    /// The units that carry no traffic for a moment because of it, or never again.
    pub interrupts: BTreeSet<UnitId>,
    /// The units that have to be as wanted before it: where one of them failed, it is left out.
    pub needs: BTreeSet<UnitId>,
    /// What is done.
    pub action: A,
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

impl<A> Step<A> {
    /// A step that needs nothing and interrupts nobody.
    pub(super) fn new(unit: UnitId, phase: Phase, action: A) -> Self {
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

impl<A: fmt::Display> fmt::Display for Step<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.action.fmt(f)
    }
}

/// The steps so far, in the order of layers.
#[derive(Debug)]
pub(super) struct Deciding<A> {
    pub(super) steps: Vec<Step<A>>,
    pub(super) made: Made,
}

/// What is made or remade by the steps so far, for kinds of the layers above to look at.
#[derive(Debug, Default)]
pub(super) struct Made(BTreeMap<UnitId, Phase>);

impl<A> Deciding<A> {
    pub(super) fn new() -> Self {
        Self { steps: Vec::new(), made: Made::default() }
    }

    /// Adds the steps of one kind, whose actions `any` makes actions of any kind. A unit that carries
    /// traffic is made or remade by what interrupts somebody, and by nothing else.
    pub(super) fn add<B>(&mut self, steps: Vec<Step<B>>, any: impl Fn(B) -> A) {
        for Step { unit, phase, interrupts, needs, action } in steps {
            if phase != Phase::Remove && !interrupts.is_empty() {
                self.made.0.insert(unit.clone(), phase);
            }
            self.steps.push(Step { unit, phase, interrupts, needs, action: any(action) });
        }
    }
}

impl Made {
    /// When `unit` is made or changed; `None` where it stays as it is.
    pub(super) fn when(&self, unit: &UnitId) -> Option<Phase> {
        self.0.get(unit).copied()
    }
}
