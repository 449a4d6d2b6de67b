//! Devices of tunnels, a unit each: kind, addresses, MTU and owner. What moves packets through a
//! device is another unit's matter.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::count::{Count, tunnels};
use super::executor::Executor;
use super::step::Step;
use super::{Forbidden, Local, Need, Phase, StepError, UnitId, policy};
use crate::bundle::Unit;
use crate::host::{Ipv6, Link, LinkKind};
use crate::primitives::Device;

/// What this kind is called.
pub const KIND: &str = "link";

/// Every device.
pub type Wanted = BTreeMap<Device, Link>;

/// Every device with the name of a tunnel; `None` for one that is something else.
pub type Seen = BTreeMap<Device, Option<Link>>;

/// What each of them makes of IPv6.
pub type SeenIpv6 = BTreeMap<Device, Ipv6>;

/// What is done to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is made, or becomes like this.
    Set(Device, Link),
    /// It is kept from IPv6 that nobody gave it.
    Guard(Device, Link),
    /// It goes, and with it its addresses and routes.
    Remove(Device),
}

/// The unit of a device.
#[must_use]
pub fn id(device: Device) -> UnitId {
    UnitId::new(KIND, &device)
}

/// The device of a tunnel, for processes of the user `owner`.
pub(super) fn want(unit: &Unit, owner: u32) -> Option<(Device, Link)> {
    let Unit::Tunnel { device, local, remote, mtu, .. } = unit else { return None };
    let (local, remote, mtu) = (*local, *remote, u32::from(*mtu));
    Some((*device, Link { kind: LinkKind::Tun, local, remote, mtu, owner }))
}

/// Names of tunnel devices are ours alone, so those that nobody wants are ours to remove. `user` is the
/// unit that moves packets through a device.
pub(super) fn steps(
    seen: &Seen,
    ipv6: &SeenIpv6,
    wanted: &Wanted,
    user: impl Fn(Device) -> UnitId,
) -> Vec<Step<Action>> {
    let step = |device: Device, phase, action| {
        Step::new(id(device), phase, action).interrupts(user(device))
    };
    let mut steps = Vec::new();
    for (device, link) in wanted {
        let phase = match seen.get(device) {
            Some(Some(there)) if there == link => {
                if ipv6.get(device).is_some_and(|ipv6| *ipv6 != Ipv6::of(link)) {
                    let guard = Action::Guard(*device, link.clone());
                    steps.push(Step::new(id(*device), Phase::Add, guard));
                }
                continue;
            }
            Some(_) => Phase::Change,
            None => Phase::Add,
        };
        steps.push(step(*device, phase, Action::Set(*device, link.clone())));
    }
    for device in seen.keys().filter(|device| !wanted.contains_key(device)) {
        // Its process holds on to it.
        let remove = step(*device, Phase::Remove, Action::Remove(*device));
        steps.push(remove.needs(user(*device)));
    }
    steps
}

pub(super) fn needs(action: &Action) -> &'static [Need] {
    match action {
        Action::Set(..) => &[Need::Tun, Need::Program("ip")],
        Action::Guard(..) | Action::Remove(_) => &[Need::Program("ip")],
    }
}

pub(super) fn carry_out(action: &Action, executor: &mut Executor) -> Result<(), StepError> {
    let network = executor.machine.network;
    match action {
        Action::Set(device, link) => network.set_link(*device, link)?,
        Action::Guard(device, link) => network.guard_link(*device, link)?,
        Action::Remove(device) => network.remove_link(*device)?,
    }
    Ok(())
}

/// An MTU that IP can work with, and addresses of one family that may be routed here.
pub(super) fn check(unit: &Unit, local: &Local) -> Result<(), Forbidden> {
    let Unit::Tunnel { device, local: own, remote, mtu, .. } = unit else { return Ok(()) };
    if !(576..=9000).contains(mtu) {
        return Err(Forbidden::Mtu { device: *device, mtu: *mtu });
    }
    if own.is_ipv4() != remote.is_ipv4() {
        let (what, address_of) = (format!("tunnel {device}"), "far");
        return Err(Forbidden::Family { what, address_of, address: *remote });
    }
    for (end, address) in [("near", own), ("far", remote)] {
        end_is_allowed(*device, end, *address, local)?;
    }
    Ok(())
}

fn end_is_allowed(
    device: Device,
    end: &str,
    address: IpAddr,
    local: &Local,
) -> Result<(), Forbidden> {
    let what = format!("the {end} address {address} of tunnel {device}");
    policy::addresses::check(&what, IpNet::from(address), local)
}

/// A device that is guarded is told to nobody: nothing that was asked for changes, and an upgrade does
/// it to all of them. One that is made or changed is told of as the tunnel that is started anew for it.
pub(super) fn words(count: Count) -> Vec<String> {
    tunnels(count.removed, "removed").into_iter().collect()
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(device, link) => write!(f, "set up {device} to {}", link.remote),
            Self::Guard(device, link) if Ipv6::of(link).carried => {
                write!(f, "keep {device} from learning IPv6 addresses and routes")
            }
            Self::Guard(device, _) => write!(f, "keep IPv6 off {device}"),
            Self::Remove(device) => write!(f, "remove {device}"),
        }
    }
}
