//! What there is to go back to.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, History, Journal, Origin};
use crate::bundle::Sysctl;
use crate::host::FileError;
use crate::reconcile::candidate::addressed;
use crate::reconcile::{Gateway, Generation, Label, Wanted, generation, stage};

/// Where a transaction that is undone leads.
#[derive(Debug)]
pub(super) enum WayBack {
    /// To a generation, whose files are all as they should be.
    Generation(Box<Generation>),
    /// To nothing, with the kernel settings as they were.
    Nothing(BTreeMap<Sysctl, String>),
}

impl WayBack {
    /// The way back from a transaction: to where it came from or, where that is damaged, to the
    /// generation that was in use before it.
    pub(super) fn of(gateway: &Gateway, journal: &Journal) -> Option<Self> {
        let whole = |label: &Label| {
            let there = whole(gateway, &label.name())?;
            (there.label == *label).then_some(there)
        };
        let from = match &journal.from {
            Origin::Nothing { settings } => return Some(Self::Nothing(settings.clone())),
            Origin::Generation(label) => whole(label),
            Origin::Unknown => None,
        };
        let from = from.or_else(|| spare(gateway, &[journal.to.name()]));
        from.map(|generation| Self::Generation(Box::new(generation)))
    }

    /// What it asks of this host.
    pub(super) fn wanted(&self, gateway: &Gateway) -> Wanted {
        match self {
            Self::Generation(generation) => {
                Wanted::of(&generation.manifest, &gateway.identity, gateway.owner)
            }
            Self::Nothing(settings) => Wanted { settings: settings.clone(), ..Wanted::default() },
        }
    }

    /// Makes `current` lead there.
    pub(super) fn link(&self, gateway: &Gateway) -> Result<(), FileError> {
        let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
        match self {
            Self::Generation(generation) => stage::switch(files, state, &generation.label),
            Self::Nothing(_) => stage::unlink(files, state),
        }
    }
}

/// The generation that was in use most lately, is whole, fits this gateway and did not fail, other
/// than those called `but`.
pub(in crate::reconcile) fn spare(gateway: &Gateway, but: &[String]) -> Option<Generation> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let history = History::load(files, state);
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
pub(super) fn whole(gateway: &Gateway, name: &str) -> Option<Generation> {
    let config = gateway.config;
    let place = generation::directory(&config.paths.state).join(name);
    let there = generation::load(gateway.machine.files, &place).ok()?;
    let Generation { label, manifest } = &there;
    addressed(label.release, manifest, &config.mesh, &config.gateway, gateway.identity).ok()?;
    Some(there)
}
