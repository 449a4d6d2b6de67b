//! What moves packets through a device, a unit for each tunnel: for now an OpenVPN process.

mod files;
mod policy;
mod probe;
mod service;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub use files::OpenVpnFiles;
pub(in crate::reconcile) use probe::{Observation, observe as probe};

use super::count::{Count, tunnels};
use super::executor::Executor;
use super::link;
use super::policy::content;
use super::processes::by_device;
use super::step::{Made, Step};
use super::{Applied, Forbidden, Level, Need, Note, Phase, StepError, UnitHealth, UnitId};
use crate::bundle::Unit;
use crate::host::{Process, TunnelState};
use crate::primitives::{ArtifactPath, ArtifactSet, Device, Digest, Fingerprint, Name};
use crate::reconcile::config::Paths;
use crate::reconcile::machine::Machine;

/// What this kind is called.
pub const KIND: &str = "tunnel";

/// Every tunnel.
pub type Wanted = BTreeMap<Device, Tunnel>;

/// Every tunnel that has a process.
pub type Seen = BTreeMap<Device, Process>;

/// What moves packets through one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The gateway at the far end.
    pub peer: Name,
    /// The mesh address at the far end.
    pub remote: IpAddr,
    /// How packets get there.
    pub transport: Transport,
    /// Everything the transport is made of: another digest needs another process.
    pub inputs: Digest,
}

/// How packets get to the far end of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// An OpenVPN process with this file of the generation.
    OpenVpn(ArtifactPath),
}

/// What is done to a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Its process is started.
    Start(Device, Digest),
    /// Its process is started anew.
    Restart(Device, Digest),
    /// Its process ends.
    Stop(Device),
}

/// The unit of the tunnel that has this device.
#[must_use]
pub fn id(device: Device) -> UnitId {
    UnitId::new(KIND, &device)
}

/// The tunnel of a bundle. A process holds the key it was started with, and the user it was started
/// as.
pub(super) fn want(
    unit: &Unit,
    inputs: Digest,
    identity: &Fingerprint,
    owner: u32,
) -> Option<(Device, Tunnel)> {
    let Unit::Tunnel { device, peer, remote, file, .. } = unit else { return None };
    let inputs = Digest::of(format!("{inputs} {identity} {owner}").as_bytes());
    let transport = Transport::OpenVpn(file.clone());
    Some((*device, Tunnel { peer: peer.clone(), remote: *remote, transport, inputs }))
}

pub(in crate::reconcile) fn observe(machine: &Machine, paths: &Paths) -> Result<Seen, StepError> {
    by_device(machine, &service::daemon(&OpenVpnFiles::of(paths)))
}

pub(super) fn steps(
    seen: &Seen,
    wanted: &Wanted,
    applied: &Applied,
    made: &Made,
) -> Vec<Step<Action>> {
    let mut steps = Vec::new();
    for (device, tunnel) in wanted {
        let id = id(*device);
        // A process may hold a device that is no more, so it goes with its device.
        let link = made.when(&link::id(*device));
        let current = link.is_none() && applied.has(&id, tunnel.inputs);
        let (phase, action) = match seen.get(device) {
            Some(_) if current => continue,
            Some(_) => (Phase::Change, Action::Restart(*device, tunnel.inputs)),
            None => (link.unwrap_or(Phase::Change), Action::Start(*device, tunnel.inputs)),
        };
        let step = Step::new(id.clone(), phase, action);
        steps.push(step.interrupts(id).needs(link::id(*device)));
    }
    // The directory of our pid files is ours alone, so what nobody wants is ours to stop.
    for device in seen.keys().filter(|device| !wanted.contains_key(device)) {
        let stop = Step::new(id(*device), Phase::Remove, Action::Stop(*device));
        steps.push(stop.interrupts(id(*device)));
    }
    steps
}

pub(super) fn needs(action: &Action) -> &'static [Need] {
    match action {
        Action::Start(..) | Action::Restart(..) => {
            &[Need::Key, Need::Tun, Need::Program("openvpn")]
        }
        Action::Stop(_) => &[],
    }
}

pub(super) fn carry_out(action: &Action, executor: &mut Executor) -> Result<(), StepError> {
    let (Action::Start(device, _) | Action::Restart(device, _) | Action::Stop(device)) = action;
    executor.noted(&id(*device), |machine, paths| {
        let service = service::service(*device, &OpenVpnFiles::of(paths));
        match action {
            Action::Start(..) => machine.services.start(&service)?,
            Action::Restart(..) => machine.services.restart(&service)?,
            Action::Stop(_) => machine.services.stop(&service)?,
        }
        Ok(match action {
            Action::Start(_, inputs) | Action::Restart(_, inputs) => {
                Some(Note { inputs: *inputs, result: None })
            }
            Action::Stop(_) => None,
        })
    })
}

/// The file of a tunnel is where its service looks for it, and says what the bundle says.
pub(super) fn check(unit: &Unit, files: &ArtifactSet) -> Result<(), Forbidden> {
    let Unit::Tunnel { device, local, remote, mtu, file, .. } = unit else { return Ok(()) };
    if file.as_str() != format!("openvpn/{device}.conf") {
        return Err(Forbidden::Place { device: *device, file: file.clone() });
    }
    let (device, local, remote, mtu) = (*device, *local, *remote, *mtu);
    let expected = policy::Expected { device, local, remote, mtu };
    policy::check(file, content(files, file)?, &expected)
}

pub(super) fn health(
    machine: &Machine,
    paths: &Paths,
    wanted: &Wanted,
    patience: Duration,
) -> BTreeMap<UnitId, UnitHealth> {
    // What cannot be seen counts as not there.
    let running = observe(machine, paths).unwrap_or_default();
    let far_ends = wanted.iter().filter(|(device, _)| running.contains_key(device));
    let far_ends = far_ends.map(|(device, tunnel)| (*device, tunnel.remote)).collect();
    let seen = probe::observe(machine.probes, &OpenVpnFiles::of(paths), &far_ends, patience);
    let health = wanted.iter().map(|(device, tunnel)| {
        let level = level(seen.get(device));
        (id(*device), UnitHealth { peer: Some(tunnel.peer.clone()), level })
    });
    health.collect()
}

fn level(seen: Option<&Observation>) -> Level {
    match seen {
        None => Level::Stopped,
        // Whatever its process says, or if it is too busy to say anything.
        Some(Observation { round_trip: Some(_), .. }) => Level::Alive,
        Some(Observation { state: TunnelState::Connected { .. }, .. }) => Level::Up,
        Some(_) => Level::Running,
    }
}

/// A process that ends for good goes with its device, which is told of.
pub(super) fn words(count: Count) -> Vec<String> {
    let words = [tunnels(count.added, "added"), tunnels(count.changed, "restarted")];
    words.into_iter().flatten().collect()
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(device, _) => write!(f, "start {device}"),
            Self::Restart(device, _) => write!(f, "restart {device}"),
            Self::Stop(device) => write!(f, "stop {device}"),
        }
    }
}
