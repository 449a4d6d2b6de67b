//! The closed list of kinds. A new kind is a module beside this file and an arm in each function
//! here; nothing else on a gateway has to know it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::count::Count;
use super::executor::Executor;
#[cfg(test)]
use super::relay;
use super::step::{self, Deciding};
use super::{Applied, Forbidden, Local, Need, StepError, UnitHealth, UnitId};
use super::{link, nftables, routes, sysctl, tunnel};
use crate::bundle::{Manifest, Sysctl, Unit};
use crate::primitives::{ArtifactSet, Device, Fingerprint};
use crate::reconcile::config::Paths;
use crate::reconcile::machine::Machine;

/// Every kind of unit, in the order of layers.
pub const KINDS: &[&str] = &[
    sysctl::KIND,
    nftables::KIND,
    link::KIND,
    tunnel::KIND,
    routes::KIND,
    #[cfg(test)]
    relay::KIND,
];

/// The same, in the order in which people are told of them.
pub(super) const TOLD: &[&str] = &[
    tunnel::KIND,
    link::KIND,
    routes::KIND,
    nftables::KIND,
    sysctl::KIND,
    #[cfg(test)]
    relay::KIND,
];

/// What a step does to a unit of one of the kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A kernel setting.
    Sysctl(sysctl::Action),
    /// The nftables table.
    Nftables(nftables::Action),
    /// A device.
    Link(link::Action),
    /// What moves packets through a device.
    Tunnel(tunnel::Action),
    /// Routes.
    Routes(routes::Action),
    /// A kind that only tests have.
    #[cfg(test)]
    Relay(relay::Action),
}

/// A step of any kind.
pub type Step = step::Step<Action>;

/// The state of this host that a generation asks for. The default asks for nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Kernel settings.
    pub sysctl: sysctl::Wanted,
    /// The nftables table.
    pub nftables: nftables::Wanted,
    /// Devices.
    pub link: link::Wanted,
    /// What moves packets through them.
    pub tunnel: tunnel::Wanted,
    /// Routes.
    pub routes: routes::Wanted,
    /// A kind that only tests have.
    #[cfg(test)]
    pub relay: relay::Wanted,
}

/// This host as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Kernel settings.
    pub sysctl: sysctl::Seen,
    /// The nftables table.
    pub nftables: nftables::Seen,
    /// Devices.
    pub link: link::Seen,
    /// What they make of IPv6.
    pub ipv6: link::SeenIpv6,
    /// What moves packets through them.
    pub tunnel: tunnel::Seen,
    /// Routes.
    pub routes: routes::Seen,
    /// Routes that are somebody else's.
    pub foreign_routes: routes::Foreign,
    /// A kind that only tests have.
    #[cfg(test)]
    pub relay: relay::Seen,
    /// What units were last applied with.
    pub applied: Applied,
}

/// What a host was before the first generation, as far as it has to be restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prior {
    /// The kernel settings as they were
    pub settings: BTreeMap<Sysctl, String>,
}

impl Wanted {
    /// What `manifest` asks for, on a gateway with the certificate `identity` where OpenVPN runs
    /// as the user with the id `owner`.
    #[must_use]
    pub fn of(manifest: &Manifest, identity: &Fingerprint, owner: u32) -> Self {
        let mut wanted = Self::default();
        for unit in &manifest.units {
            let inputs = manifest.inputs(unit);
            match unit {
                Unit::Sysctl { settings } => wanted.sysctl.extend(settings.clone()),
                Unit::Nftables { file } => wanted.nftables = Some(nftables::want(file, inputs)),
                Unit::Tunnel { .. } => {
                    wanted.link.extend(link::want(unit, owner));
                    wanted.tunnel.extend(tunnel::want(unit, inputs, identity, owner));
                }
                Unit::Routes { routes } => wanted.routes.extend(routes::want(routes)),
                #[cfg(test)]
                Unit::Relay { device, file } => {
                    wanted.relay.insert(*device, relay::want(file, inputs));
                }
            }
        }
        wanted
    }

    /// What makes a host again what it was before the first generation.
    #[must_use]
    pub fn back_to(prior: &Prior) -> Self {
        Self { sysctl: prior.settings.clone(), ..Self::default() }
    }
}

impl Seen {
    /// What has to be restored, should the generation to come be the first and have to go.
    #[must_use]
    pub fn prior(&self) -> Prior {
        Prior { settings: self.sysctl.clone() }
    }
}

/// Looks at all that units may be.
pub(super) fn observe(
    machine: &Machine,
    paths: &Paths,
    applied: Applied,
) -> Result<Seen, StepError> {
    let network = machine.network.observe()?;
    Ok(Seen {
        sysctl: sysctl::observe(machine)?,
        nftables: network.table,
        link: network.links,
        ipv6: network.ipv6,
        tunnel: tunnel::observe(machine, paths)?,
        routes: network.routes,
        foreign_routes: network.foreign_routes,
        #[cfg(test)]
        relay: relay::observe(machine, paths)?,
        applied,
    })
}

/// The steps of every kind, in the order of layers.
pub(super) fn steps(seen: &Seen, wanted: &Wanted) -> Vec<Step> {
    let applied = &seen.applied;
    let mut all = Deciding::new();
    all.add(sysctl::steps(&seen.sysctl, &wanted.sysctl), Action::Sysctl);
    let table = nftables::steps(seen.nftables, wanted.nftables.as_ref(), applied);
    all.add(table.into_iter().collect(), Action::Nftables);
    all.add(link::steps(&seen.link, &seen.ipv6, &wanted.link, tunnel::id), Action::Link);
    all.add(tunnel::steps(&seen.tunnel, &wanted.tunnel, applied, &all.made), Action::Tunnel);
    let routes = routes::steps(&seen.routes, &seen.foreign_routes, &wanted.routes, &all.made);
    all.add(routes, Action::Routes);
    #[cfg(test)]
    all.add(relay::steps(&seen.relay, &wanted.relay, applied, &all.made), Action::Relay);
    all.steps
}

/// Carries out one step.
pub(super) fn carry_out(step: &Step, executor: &mut Executor) -> Result<(), StepError> {
    match &step.action {
        Action::Sysctl(action) => sysctl::carry_out(action, executor),
        Action::Nftables(action) => nftables::carry_out(action, executor),
        Action::Link(action) => link::carry_out(action, executor),
        Action::Tunnel(action) => tunnel::carry_out(action, executor),
        Action::Routes(action) => routes::carry_out(action, executor),
        #[cfg(test)]
        Action::Relay(action) => relay::carry_out(action, executor),
    }
}

/// What a step needs of the host.
pub(in crate::reconcile) fn needs(step: &Step) -> &'static [Need] {
    match &step.action {
        Action::Sysctl(_) => &[],
        Action::Nftables(_) => &[Need::Program("nft")],
        Action::Link(action) => link::needs(action),
        Action::Tunnel(action) => tunnel::needs(action),
        Action::Routes(_) => &[Need::Program("ip")],
        #[cfg(test)]
        Action::Relay(_) => &[],
    }
}

/// The layer that an action belongs to, from 0.
pub(super) fn layer(action: &Action) -> usize {
    let kind = match action {
        Action::Sysctl(_) => sysctl::KIND,
        Action::Nftables(_) => nftables::KIND,
        Action::Link(_) => link::KIND,
        Action::Tunnel(_) => tunnel::KIND,
        Action::Routes(_) => routes::KIND,
        #[cfg(test)]
        Action::Relay(_) => relay::KIND,
    };
    KINDS.iter().position(|known| *known == kind).unwrap_or_default()
}

/// Whether this gateway allows a unit of a bundle, whose files are `files` and whose tunnels have
/// `devices`, each with our address on it.
pub(super) fn check(
    unit: &Unit,
    files: &ArtifactSet,
    devices: &BTreeMap<Device, IpAddr>,
    local: &Local,
) -> Result<(), Forbidden> {
    match unit {
        Unit::Sysctl { settings } => sysctl::check(settings),
        Unit::Nftables { file } => nftables::check(file, files),
        Unit::Tunnel { .. } => link::check(unit, local).and_then(|()| tunnel::check(unit, files)),
        Unit::Routes { routes } => routes::check(routes, devices, local),
        #[cfg(test)]
        Unit::Relay { file, .. } => relay::check(file, files),
    }
}

/// The units that a unit of a bundle becomes on a gateway and that read its file.
pub(in crate::reconcile) fn ids(unit: &Unit) -> Vec<UnitId> {
    match unit {
        Unit::Sysctl { settings } => settings.keys().map(|setting| sysctl::id(*setting)).collect(),
        Unit::Nftables { .. } => vec![nftables::id()],
        Unit::Tunnel { device, .. } => vec![tunnel::id(*device)],
        Unit::Routes { .. } => vec![routes::id()],
        #[cfg(test)]
        Unit::Relay { device, .. } => vec![relay::id(*device)],
    }
}

/// How every unit is whose health can be told. Takes no longer than `patience`, or a little more.
pub(in crate::reconcile) fn health(
    machine: &Machine,
    paths: &Paths,
    wanted: &Wanted,
    patience: Duration,
) -> BTreeMap<UnitId, UnitHealth> {
    let health = tunnel::health(machine, paths, &wanted.tunnel, patience);
    #[cfg(test)]
    let health = health.into_iter().chain(relay::health(machine, paths, &wanted.relay)).collect();
    health
}

/// How people are told of changes to units of one kind.
pub(super) fn words(kind: &str, count: Count) -> Vec<String> {
    match kind {
        sysctl::KIND => count.changed("kernel settings changed"),
        nftables::KIND => count.changed("firewall changed"),
        link::KIND => link::words(count),
        tunnel::KIND => tunnel::words(count),
        routes::KIND => count.changed("routes changed"),
        _ => count.changed(&format!("{kind} changed")),
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sysctl(action) => action.fmt(f),
            Self::Nftables(action) => action.fmt(f),
            Self::Link(action) => action.fmt(f),
            Self::Tunnel(action) => action.fmt(f),
            Self::Routes(action) => action.fmt(f),
            #[cfg(test)]
            Self::Relay(action) => action.fmt(f),
        }
    }
}
