//! From what is seen and what is wanted to the steps between them: no effect, no clock, no host.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;

use super::{Applied, Tunnel, Wanted};
use crate::bundle::Sysctl;
use crate::host::{Link, NetworkState, Process, Via};
use crate::primitives::{ArtifactPath, Device, Digest};

/// This host as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Devices, routes, the table.
    pub network: NetworkState,
    /// The tunnels that have a process.
    pub processes: BTreeMap<Device, Process>,
    /// The kernel settings a bundle may ask for.
    pub settings: BTreeMap<Sysctl, String>,
    /// What they were last applied with.
    pub applied: Applied,
}

/// One change to this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Change a kernel setting.
    Set(Sysctl, String),
    /// Load the ruleset.
    LoadRuleset(ArtifactPath, Digest),
    /// Remove the table `inet tieline`.
    RemoveTable,
    /// Make a tunnel's device what it should be.
    SetLink(Device, Link),
    /// Remove a device.
    RemoveLink(Device),
    /// Start the process of a tunnel.
    Start(Device, Digest),
    /// Start it anew.
    Restart(Device, Digest),
    /// End it.
    Stop(Device),
    /// Add or change a route.
    SetRoute(IpNet, Via),
    /// Remove a route.
    RemoveRoute(IpNet, Device),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(setting, value) => write!(f, "set {} to {value}", setting.name()),
            Self::LoadRuleset(file, _) => write!(f, "load {file}"),
            Self::RemoveTable => f.write_str("remove the table inet tieline"),
            Self::SetLink(device, link) => write!(f, "set up {device} to {}", link.remote),
            Self::RemoveLink(device) => write!(f, "remove {device}"),
            Self::Start(device, _) => write!(f, "start {device}"),
            Self::Restart(device, _) => write!(f, "restart {device}"),
            Self::Stop(device) => write!(f, "stop {device}"),
            Self::SetRoute(to, via) => write!(f, "route {to} {via}"),
            Self::RemoveRoute(to, device) => write!(f, "remove the route {to} dev {device}"),
        }
    }
}

/// The way from seen to wanted: additions first, then changes, removals last, so that nothing that
/// works is taken away before what replaces it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps {
    /// What is new.
    pub additions: Vec<Step>,
    /// What becomes different.
    pub changes: Vec<Step>,
    /// What goes.
    pub removals: Vec<Step>,
}

impl Steps {
    /// Whether all is as wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All steps, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.additions.iter().chain(&self.changes).chain(&self.removals)
    }
}

/// What has to be done.
#[must_use]
pub fn decide(seen: &Seen, wanted: &Wanted) -> Steps {
    let mut steps = Steps::default();
    settings(seen, wanted, &mut steps);
    ruleset(seen, wanted, &mut steps);
    for (device, tunnel) in &wanted.tunnels {
        self::tunnel(seen, *device, tunnel, &mut steps);
    }
    routes(seen, wanted, &mut steps);
    strays(seen, wanted, &mut steps);
    steps
}

fn settings(seen: &Seen, wanted: &Wanted, steps: &mut Steps) {
    for (setting, value) in &wanted.settings {
        if seen.settings.get(setting) != Some(value) {
            steps.additions.push(Step::Set(*setting, value.clone()));
        }
    }
}

fn ruleset(seen: &Seen, wanted: &Wanted, steps: &mut Steps) {
    match &wanted.ruleset {
        Some(ruleset) => {
            let loaded = seen.applied.ruleset == Some(ruleset.inputs);
            let untouched =
                seen.network.table.is_some() && seen.network.table == seen.applied.table;
            if !(loaded && untouched) {
                let step = Step::LoadRuleset(ruleset.file.clone(), ruleset.inputs);
                steps.additions.push(step);
            }
        }
        None if seen.network.table.is_some() => steps.removals.push(Step::RemoveTable),
        None => {}
    }
}

fn tunnel(seen: &Seen, device: Device, tunnel: &Tunnel, steps: &mut Steps) {
    let process = seen.processes.get(&device);
    let link = seen.network.links.get(&device);
    let new = process.is_none() && link.is_none();
    let list = if new { &mut steps.additions } else { &mut steps.changes };
    let fits = matches!(link, Some(Some(link)) if *link == tunnel.link);
    if !fits {
        list.push(Step::SetLink(device, tunnel.link.clone()));
    }
    if process.is_none() {
        list.push(Step::Start(device, tunnel.inputs));
    } else if !fits || seen.applied.tunnels.get(&device) != Some(&tunnel.inputs) {
        // A process may hold a device that is no more, so it goes with its device.
        list.push(Step::Restart(device, tunnel.inputs));
    }
}

fn routes(seen: &Seen, wanted: &Wanted, steps: &mut Steps) {
    let seen = &seen.network;
    for (to, via) in &wanted.routes {
        // The kernel drops the routes of a device that is made anew, and there is no telling
        // before whether changing it will do that.
        let link = seen.links.get(&via.device);
        let stays = matches!((link, wanted.tunnels.get(&via.device)),
            (Some(Some(link)), Some(tunnel)) if *link == tunnel.link);
        let step = Step::SetRoute(*to, via.clone());
        match seen.routes.get(to) {
            Some(there) if there == via && stays => {}
            None if stays || link.is_none() => steps.additions.push(step),
            _ => steps.changes.push(step),
        }
    }
    for (to, via) in &seen.routes {
        if !wanted.routes.contains_key(to) {
            steps.removals.push(Step::RemoveRoute(*to, via.device));
        }
    }
}

/// Tunnels nobody wants any more. Their names are ours alone, so they are ours to remove.
fn strays(seen: &Seen, wanted: &Wanted, steps: &mut Steps) {
    for device in seen.processes.keys().filter(|device| !wanted.tunnels.contains_key(device)) {
        steps.removals.push(Step::Stop(*device));
    }
    for device in seen.network.links.keys().filter(|device| !wanted.tunnels.contains_key(device)) {
        steps.removals.push(Step::RemoveLink(*device));
    }
}

#[cfg(test)]
mod tests;
