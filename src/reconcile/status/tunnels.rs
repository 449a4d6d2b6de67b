//! How the tunnels of the generation in use are, for people and monitoring.

use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;

use crate::bundle::{Manifest, Unit};
use crate::host::{NetworkState, Process, RouteKey, TunnelState};
use crate::primitives::{Device, Name, UnitId};
use crate::reconcile::config::GatewayConfig;
use crate::reconcile::machine::Machine;
use crate::reconcile::units::StepError;
use crate::reconcile::units::tunnel::{self, Observation, OpenVpnFiles};
use crate::tuf::UtcTime;

/// How long far ends have for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TunnelStatus {
    /// Its unit
    pub unit: UnitId,
    /// Its device
    pub device: Device,
    /// The gateway at the far end
    pub peer: Name,
    /// How it is
    pub state: State,
    /// Since when it has been up
    #[schemars(with = "Option<String>")]
    pub since: Option<UtcTime>,
    /// What OpenVPN is at, in its own word, where the tunnel is not up
    pub detail: Option<String>,
    /// The id of its process
    pub process: Option<u32>,
    /// How long the mesh address at the far end took to answer through it, in milliseconds; null
    /// where it did not answer within a second
    pub round_trip_ms: Option<f64>,
    /// Bytes that came out of it since its device was made
    pub received: Option<u64>,
    /// Bytes that went into it since its device was made
    pub sent: Option<u64>,
    /// The networks that are routed through it now
    #[schemars(with = "Vec<String>")]
    pub routes: Vec<IpNet>,
    /// The networks that should be, and are not
    #[schemars(with = "Vec<String>")]
    pub missing_routes: Vec<IpNet>,
}

/// How a tunnel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The far end answers
    Up,
    /// It is trying to reach the far end
    Connecting,
    /// It has no process, or one that does not answer
    Down,
    /// It has a process, which tells nobody but root how it is
    Unknown,
}

/// Asks all tunnels of `manifest`.
pub(super) fn tunnels(
    machine: &Machine,
    config: &GatewayConfig,
    manifest: &Manifest,
) -> Result<Vec<TunnelStatus>, StepError> {
    let network = machine.network.observe()?;
    let processes = tunnel::observe(machine, &config.paths)?;
    let files = OpenVpnFiles::of(&config.paths);
    let units = manifest.units.iter().filter_map(|unit| match unit {
        Unit::Tunnel { device, peer, remote, .. } => {
            Some((*device, peer, *remote, processes.get(device)))
        }
        _ => None,
    });
    let units: Vec<_> = units.collect();
    let running = units.iter().filter(|(.., process)| process.is_some());
    let far_ends = running.map(|(device, _, remote, _)| (*device, *remote)).collect();
    let mut seen = tunnel::probe(machine.probes, &files, &far_ends, PATIENCE);
    let tunnels = units.into_iter().map(|(device, peer, _, process)| {
        let silent = Observation { state: TunnelState::Silent, round_trip: None };
        let seen = seen.remove(&device).unwrap_or(silent);
        status(device, peer, seen, process, &network, manifest)
    });
    Ok(tunnels.collect())
}

fn status(
    device: Device,
    peer: &Name,
    seen: Observation,
    process: Option<&Process>,
    network: &NetworkState,
    manifest: &Manifest,
) -> TunnelStatus {
    let there = |to: &IpNet| {
        network.routes.get(&RouteKey::from(*to)).is_some_and(|via| via.device == device)
    };
    let wanted = manifest.units.iter().flat_map(|unit| match unit {
        Unit::Routes { routes } => routes.as_slice(),
        _ => &[],
    });
    let wanted = wanted.filter(|route| route.device == device).map(|route| route.to);
    let (routes, missing_routes) = wanted.partition(there);
    let (state, since, detail) = match seen.state {
        TunnelState::Connected { since } => (State::Up, Some(UtcTime::from_clock(since)), None),
        TunnelState::Connecting { state } => (State::Connecting, None, Some(state)),
        TunnelState::Silent => (State::Down, None, None),
        TunnelState::Closed => (State::Unknown, None, None),
    };
    let (peer, process) = (peer.clone(), process.map(|process| process.pid));
    let traffic = network.traffic.get(&device);
    TunnelStatus {
        unit: tunnel::id(device),
        device,
        peer,
        state,
        since,
        detail,
        process,
        round_trip_ms: seen.round_trip.map(|time| time.as_secs_f64() * 1000.0),
        received: traffic.map(|traffic| traffic.received),
        sent: traffic.map(|traffic| traffic.sent),
        routes,
        missing_routes,
    }
}
