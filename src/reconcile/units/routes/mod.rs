//! The routes of the main table that lead into tunnels: one unit, so that a change of routes restarts
//! no tunnel.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use super::executor::Executor;
use super::step::{Made, Step};
use super::{Forbidden, Local, Phase, StepError, UnitId, link, policy};
use crate::bundle::Route;
use crate::host::{RouteKey, Via};
use crate::primitives::Device;

/// What this kind is called.
pub const KIND: &str = "routes";

/// Every route.
pub type Wanted = BTreeMap<RouteKey, Via>;

/// Every route of ours through a tunnel device.
pub type Seen = BTreeMap<RouteKey, Via>;

/// Everybody else's routes of the main table, in words.
pub type Foreign = BTreeMap<RouteKey, String>;

/// What is done to a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is added, or leads elsewhere from now on.
    Set(RouteKey, Via),
    /// It goes.
    Remove(RouteKey, Device),
}

/// The unit: the routing table that they are in.
#[must_use]
pub fn id() -> UnitId {
    UnitId::new(KIND, &"main")
}

pub(super) fn want(routes: &[Route]) -> impl Iterator<Item = (RouteKey, Via)> {
    let via = |route: &Route| Via { device: route.device, source: route.source };
    routes.iter().map(move |route| (RouteKey::from(route.to), via(route)))
}

/// What is somebody else's stays as it is: local policy names it.
pub(super) fn steps(
    seen: &Seen,
    foreign: &Foreign,
    wanted: &Wanted,
    made: &Made,
) -> Vec<Step<Action>> {
    let step = |phase, action| Step::new(id(), phase, action);
    let mut steps = Vec::new();
    for (route, via) in wanted.iter().filter(|(route, _)| !foreign.contains_key(route)) {
        // The kernel drops the routes of a device that is made anew, and there is no telling
        // before whether changing it will do that.
        let link = link::id(via.device);
        let phase = match (seen.get(route), made.when(&link)) {
            (Some(there), None) if there == via => continue,
            (Some(_), _) => Phase::Change,
            (None, made) => made.unwrap_or(Phase::Add),
        };
        steps.push(step(phase, Action::Set(*route, via.clone())).needs(link));
    }
    for (route, via) in seen.iter().filter(|(route, _)| !wanted.contains_key(route)) {
        steps.push(step(Phase::Remove, Action::Remove(*route, via.device)));
    }
    steps
}

pub(super) fn carry_out(action: &Action, executor: &mut Executor) -> Result<(), StepError> {
    let network = executor.machine.network;
    match action {
        Action::Set(route, via) => network.set_route(*route, via)?,
        Action::Remove(route, device) => network.remove_route(*route, *device)?,
    }
    Ok(())
}

/// Routes lead into tunnels of the bundle, to networks that may be routed here, from an address of
/// this host and of the same family, and nobody else has one there.
pub(super) fn check(
    routes: &[Route],
    devices: &BTreeMap<Device, IpAddr>,
    local: &Local,
) -> Result<(), Forbidden> {
    for route in routes {
        let (to, device) = (route.to, route.device);
        let Some(own) = devices.get(&device) else {
            return Err(Forbidden::NoDevice { to, device });
        };
        policy::addresses::check(&format!("the route to {to}"), to, local)?;
        if to.addr().is_ipv4() != route.source.is_ipv4() {
            let (what, address_of) = (format!("the route to {to}"), "source");
            return Err(Forbidden::Family { what, address_of, address: route.source });
        }
        if to.addr().is_ipv6() && own.is_ipv4() {
            return Err(Forbidden::NoIpv6 { to, device });
        }
        if let Some(by) = local.foreign_routes.get(&RouteKey::from(to)) {
            return Err(Forbidden::Occupied { to, by: by.clone() });
        }
        if !local.addresses.contains(&route.source) {
            return Err(Forbidden::Source { to, source_address: route.source });
        }
    }
    Ok(())
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(route, via) => write!(f, "route {route} {via}"),
            Self::Remove(route, device) => write!(f, "remove the route {route} dev {device}"),
        }
    }
}
