//! How a gateway is: what it runs, what it trusts, which tunnels are up. Looking changes nothing
//! and needs no lock and no remote.

mod counts;
mod exporter;
mod last_run;
mod metrics;
mod report;
mod tunnels;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use counts::{Counts, Drift};
pub(super) use exporter::export;
pub use last_run::{LastRun, OutcomeKind};
pub use metrics::metrics;
pub use report::Report;
pub use tunnels::{State, TunnelStatus};

use super::config::GatewayConfig;
use super::fetch::{Backoff, load_metadata};
use super::generation::{self, Current};
use super::hold::Hold;
use super::machine::Machine;
use super::transaction::{History, Pending, Rejected};
use super::units::StepError;
use crate::host::{Clock, Source};
use crate::primitives::{Digest, Name, error_chain};
use crate::tuf::{Stored, TrustError, Update, UtcTime, VerifiedRelease};

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

fn failing_remotes(machine: &Machine, config: &GatewayConfig) -> Vec<FailingRemote> {
    let now = machine.clock.boot();
    let backoff = Backoff::load(machine.files, &config.paths.run, &now);
    let failing = |remote: &Source| {
        let failures = backoff.hosts.get(&remote.origin())?.failures;
        let last_for = backoff.remaining(remote, &now).as_secs();
        Some(FailingRemote { remote: remote.to_string(), failures, last_for })
    };
    config.remotes.iter().filter_map(failing).collect()
}

/// Looks at a gateway.
pub fn status(machine: &Machine, config: &GatewayConfig) -> Result<Status, StepError> {
    status_after(machine, config, LastRun::load(machine.files, &config.paths))
}

/// Looks at a gateway right after a run.
pub(super) fn status_after(
    machine: &Machine,
    config: &GatewayConfig,
    last_run: Option<LastRun>,
) -> Result<Status, StepError> {
    let paths = &config.paths;
    let current = generation::current(machine.files, &paths.state)?;
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
            tunnels = tunnels::tunnels(machine, config, &generation.manifest)?;
        }
    }
    let (metadata, signed) = trusted(machine, config);
    let now = UtcTime::from_clock(machine.clock.now());
    let clock = ClockStatus {
        synchronised: machine.clock.synchronised(),
        behind: signed.filter(|signed| *signed > now),
    };
    Ok(Status {
        format: Status::FORMAT,
        gateway: config.gateway.clone(),
        mesh: config.mesh.clone(),
        generation: in_use,
        damaged,
        transaction: Pending::load(machine.files, &paths.state, machine.clock),
        rejected: History::load(machine.files, &paths.state).rejected,
        hold: Hold::in_force(machine.files, &paths.state, now),
        failing_remotes: failing_remotes(machine, config),
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

/// What the stored metadata say, verified once more, and the newest time that they were signed at.
fn trusted(machine: &Machine, config: &GatewayConfig) -> (Metadata, Option<UtcTime>) {
    let problem = |error: &dyn std::error::Error| {
        let problem = Some(error_chain(error));
        (Metadata { problem, ..Metadata::default() }, None)
    };
    let stored = match load_metadata(machine.files, &config.paths) {
        Ok(stored) => stored,
        Err(error) => return problem(&error),
    };
    // A gateway that has seen no release has nothing to complain about.
    if stored.timestamp.is_none() {
        return (Metadata::default(), None);
    }
    match replay(stored, config, machine.clock) {
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
