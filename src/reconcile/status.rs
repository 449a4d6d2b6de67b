//! How a gateway is: what it runs, what it trusts, which tunnels are up. Looking changes nothing
//! and needs no lock and no remote.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Serialize;

use super::health::TunnelSight;
use super::{
    Current, GatewayConfig, History, Hold, LastRun, Pending, Rejected, SetAside, StepError,
    generation, health, metadata,
};
use crate::bundle::{Manifest, Unit};
use crate::host::{
    Clock, Files, Network, NetworkState, Probes, Process, Services, Source, TunnelState,
};
use crate::primitives::{Device, Digest, Name, sentence};
use crate::tuf::{Stored, TrustError, Update, UtcTime, VerifiedRelease};

/// How long far ends have for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is asked, and of whom.
#[derive(Clone, Copy)]
pub struct Questions<'a> {
    /// The files.
    pub files: &'a dyn Files,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The network.
    pub network: &'a dyn Network,
    /// Which tunnels have a process.
    pub services: &'a dyn Services,
    /// How those tunnels are.
    pub probes: &'a dyn Probes,
}

/// The state of a gateway, in format 1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Status {
    /// The version of this format: 1
    pub format: u32,
    /// Its name
    pub gateway: Name,
    /// Its mesh
    pub mesh: Name,
    /// The generation in use, if there is one
    pub generation: Option<InUse>,
    /// What is wrong with the generation in use, if something is
    pub damaged: Option<String>,
    /// What has been begun and not ended
    pub transaction: Option<Pending>,
    /// The bundles that are not used again until another one has come
    pub rejected: Vec<Rejected>,
    /// The hold that is in force
    pub hold: Option<Hold>,
    /// The metadata it trusts
    pub metadata: Metadata,
    /// Its clock
    pub clock: ClockStatus,
    /// The tunnels of the generation, in the order of their devices
    pub tunnels: Vec<TunnelStatus>,
    /// The remotes that failed when they were asked last
    pub failing_remotes: Vec<FailingRemote>,
    /// How the last run of the reconciler ended
    pub last_run: Option<LastRun>,
}

/// The generation in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InUse {
    /// The name of its directory
    pub name: String,
    /// The release that brought it
    pub release: u64,
    /// The SHA-256 of its bundle
    pub digest: Digest,
    /// Since when it has been in use, where that is known
    #[schemars(with = "Option<String>")]
    pub since: Option<UtcTime>,
}

/// A remote that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailingRemote {
    /// Where it is
    pub remote: String,
    /// How often in a row
    pub failures: u32,
    /// How many seconds the others are still asked before it
    pub last_for: u64,
}

/// What a gateway trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Metadata {
    /// The newest release it has verified
    pub release: Option<u64>,
    /// When the metadata of each role expire
    #[schemars(with = "BTreeMap<String, String>")]
    pub expires: BTreeMap<String, UtcTime>,
    /// Why they are not to be trusted now, if so
    pub problem: Option<String>,
}

/// The clock, by which expiry is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClockStatus {
    /// Whether something keeps it right; null where nobody can say
    pub synchronised: Option<bool>,
    /// The newest signed time, if the clock is behind it: expiry is judged by that time instead
    #[schemars(with = "Option<String>")]
    pub behind: Option<UtcTime>,
}

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TunnelStatus {
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
}

fn failing_remotes(asked: &Questions, config: &GatewayConfig) -> Vec<FailingRemote> {
    let now = asked.clock.boot();
    let aside = SetAside::load(asked.files, &config.paths.run, &now);
    let failing = |remote: &Source| {
        let failures = aside.hosts.get(&remote.origin())?.failures;
        let last_for = aside.left(remote, &now).as_secs();
        Some(FailingRemote { remote: remote.to_string(), failures, last_for })
    };
    config.remotes.iter().filter_map(failing).collect()
}

/// Looks at a gateway.
pub fn status(asked: &Questions, config: &GatewayConfig) -> Result<Status, StepError> {
    status_after(asked, config, LastRun::load(asked.files, &config.paths))
}

/// Looks at a gateway right after a run.
pub(super) fn status_after(
    asked: &Questions,
    config: &GatewayConfig,
    last_run: Option<LastRun>,
) -> Result<Status, StepError> {
    let paths = &config.paths;
    let current = generation::current(asked.files, &paths.state)?;
    let (mut in_use, mut damaged, mut tunnels) = (None, None, Vec::new());
    match &current {
        Current::None => {}
        Current::Damaged { why } => damaged = Some(why.clone()),
        Current::Whole(generation) => {
            let label = &generation.label;
            in_use = Some(InUse {
                name: label.name(),
                release: label.release,
                digest: label.digest,
                since: last_run.as_ref().and_then(|run| run.in_use_since),
            });
            tunnels = self::tunnels(asked, config, &generation.manifest)?;
        }
    }
    let (metadata, signed) = trusted(asked, config);
    let now = UtcTime::from_clock(asked.clock.now());
    let clock = ClockStatus {
        synchronised: asked.clock.synchronised(),
        behind: signed.filter(|signed| *signed > now),
    };
    Ok(Status {
        format: Status::FORMAT,
        gateway: config.gateway.clone(),
        mesh: config.mesh.clone(),
        generation: in_use,
        damaged,
        transaction: Pending::load(asked.files, &paths.state, asked.clock),
        rejected: History::load(asked.files, &paths.state).rejected,
        hold: Hold::in_force(asked.files, &paths.state, now),
        failing_remotes: failing_remotes(asked, config),
        metadata,
        clock,
        tunnels,
        last_run,
    })
}

impl Status {
    /// The format this version writes.
    pub const FORMAT: u32 = 1;
}

fn tunnels(
    asked: &Questions,
    config: &GatewayConfig,
    manifest: &Manifest,
) -> Result<Vec<TunnelStatus>, StepError> {
    let network = asked.network.observe()?;
    let processes = asked.services.running()?;
    let sockets = config.paths.tunnels();
    let units = manifest.units.iter().filter_map(|unit| match unit {
        Unit::Tunnel { device, peer, remote, .. } => {
            Some((*device, peer, *remote, processes.get(device)))
        }
        _ => None,
    });
    let units: Vec<_> = units.collect();
    let running = units.iter().filter(|(.., process)| process.is_some());
    let far_ends = running.map(|(device, _, remote, _)| (*device, *remote)).collect();
    let mut sights = health::tunnels(asked.probes, &sockets, &far_ends, PATIENCE);
    let tunnels = units.into_iter().map(|(device, peer, _, process)| {
        let silent = TunnelSight { state: TunnelState::Silent, round_trip: None };
        let sight = sights.remove(&device).unwrap_or(silent);
        tunnel(device, peer, sight, process, &network, manifest)
    });
    Ok(tunnels.collect())
}

fn tunnel(
    device: Device,
    peer: &Name,
    sight: TunnelSight,
    process: Option<&Process>,
    network: &NetworkState,
    manifest: &Manifest,
) -> TunnelStatus {
    let there = |to: &IpNet| network.routes.get(to).is_some_and(|via| via.device == device);
    let wanted = manifest.units.iter().flat_map(|unit| match unit {
        Unit::Routes { routes } => routes.as_slice(),
        _ => &[],
    });
    let wanted = wanted.filter(|route| route.device == device).map(|route| route.to);
    let (routes, missing_routes) = wanted.partition(there);
    let (state, since, detail) = match sight.state {
        TunnelState::Connected { since } => (State::Up, Some(UtcTime::from_clock(since)), None),
        TunnelState::Connecting { state } => (State::Connecting, None, Some(state)),
        TunnelState::Silent => (State::Down, None, None),
    };
    let (peer, process) = (peer.clone(), process.map(|process| process.pid));
    let traffic = network.traffic.get(&device);
    TunnelStatus {
        device,
        peer,
        state,
        since,
        detail,
        process,
        round_trip_ms: sight.round_trip.map(|time| time.as_secs_f64() * 1000.0),
        received: traffic.map(|traffic| traffic.received),
        sent: traffic.map(|traffic| traffic.sent),
        routes,
        missing_routes,
    }
}

/// What the stored metadata say, verified once more, and the newest time that they were signed at.
fn trusted(asked: &Questions, config: &GatewayConfig) -> (Metadata, Option<UtcTime>) {
    let problem = |error: &dyn std::error::Error| {
        let problem = Some(sentence(error));
        (Metadata { problem, ..Metadata::default() }, None)
    };
    let stored = match metadata::load(asked.files, &config.paths) {
        Ok(stored) => stored,
        Err(error) => return problem(&error),
    };
    // A gateway that has seen no release has nothing to complain about.
    if stored.timestamp.is_none() {
        return (Metadata::default(), None);
    }
    match replay(stored, config, asked.clock) {
        Ok(release) => {
            let signed = release.signed_at();
            let metadata = Metadata {
                release: Some(release.number()),
                expires: release
                    .validity()
                    .iter()
                    .map(|of| (of.role.clone(), of.expires))
                    .collect(),
                problem: None,
            };
            (metadata, signed)
        }
        Err(error) => problem(&error),
    }
}

/// An update from a remote that has exactly what is stored.
fn replay(
    stored: Stored,
    config: &GatewayConfig,
    clock: &dyn Clock,
) -> Result<VerifiedRelease, TrustError> {
    let mut update = Update::start(stored, clock.now())?;
    update.seek_bundle(&config.gateway)?;
    update.replay()
}
