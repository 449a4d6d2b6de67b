//! What a rollback can lead to.

use std::collections::BTreeSet;

use super::{History, Journal, Origin};
use crate::host::FileError;
use crate::reconcile::cause::Cause;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::generation::{self, Generation, Label, addressed};
use crate::reconcile::units::{Prior, Wanted};

/// Where a transaction that is undone leads.
#[derive(Debug)]
pub(super) enum RollbackTarget {
    /// To a generation, whose files are all as they should be.
    Generation(Box<Generation>),
    /// To nothing, with the host as it was.
    Nothing(Prior),
}

impl RollbackTarget {
    /// Where a rollback leads: to where the transaction came from or, where that is damaged, to the
    /// generation that was in use before it.
    pub(super) fn of(gateway: &Gateway, journal: &Journal) -> Option<Self> {
        let whole = |label: &Label| {
            let there = whole(gateway, &label.name())?;
            (there.label == *label).then_some(there)
        };
        let from = match &journal.from {
            Origin::Nothing(prior) => return Some(Self::Nothing(prior.clone())),
            Origin::Generation(label) => whole(label),
            Origin::Unknown => None,
        };
        let from = from.or_else(|| {
            let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
            spare(gateway, &History::load(files, state), &[journal.to.name()])
        });
        from.map(|generation| Self::Generation(Box::new(generation)))
    }

    /// What it asks of this host.
    pub(super) fn wanted(&self, gateway: &Gateway) -> Wanted {
        match self {
            Self::Generation(generation) => {
                Wanted::of(&generation.manifest, &gateway.identity, gateway.owner)
            }
            Self::Nothing(prior) => Wanted::back_to(prior),
        }
    }

    /// Makes `current` lead there.
    pub(super) fn link(&self, gateway: &Gateway) -> Result<(), FileError> {
        let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
        match self {
            Self::Generation(generation) => generation::switch(files, state, &generation.label),
            Self::Nothing(_) => generation::unlink(files, state),
        }
    }
}

/// The generation that was in use most lately, is whole, fits this gateway and did not fail, other
/// than those called `but`.
pub(in crate::reconcile) fn spare(
    gateway: &Gateway,
    history: &History,
    but: &[String],
) -> Option<Generation> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let failed = |generation: &Generation| {
        let rejected = history.rejection(generation.label.digest);
        rejected.is_some_and(|rejected| rejected.by == Cause::Release)
    };
    let there = generation::names(files, state).unwrap_or_default();
    let mut seen: BTreeSet<&String> = but.iter().collect();
    let mut order = history.used.iter().chain(there.iter().rev());
    order.find_map(|name| {
        let generation = seen.insert(name).then(|| whole(gateway, name)).flatten()?;
        (!failed(&generation)).then_some(generation)
    })
}

/// The generation in the directory `name`, if all of it is there and meant for this gateway: with
/// another key pair, it would only take tunnels down.
pub(in crate::reconcile) fn whole(gateway: &Gateway, name: &str) -> Option<Generation> {
    let config = gateway.config;
    let place = generation::directory(&config.paths.state).join(name);
    let there = generation::load(gateway.machine.files, &place).ok()?;
    let Generation { label, manifest, .. } = &there;
    addressed(label.release, manifest, &config.mesh, &config.gateway, gateway.identity).ok()?;
    Some(there)
}
