//! One run: short, idempotent, and silent when nothing changes.

use camino::Utf8PathBuf;

use super::candidate::{Candidate, Local, Refusal, addressed};
use super::newest::{Newest, ReleaseError, newest};
use super::{
    Changes, Current, GatewayConfig, Generation, LastRun, StepError, Wanted, decide, execute,
    generation, observe, stage,
};
use crate::bundle::Manifest;
use crate::host::git::Remotes;
use crate::host::{Clock, FileError, Files, Network, Probes, Services};
use crate::primitives::{Fingerprint, sentence};
use crate::tuf::{TrustError, UtcTime, VerifiedBundle};

/// The parts of a machine that a gateway is made of, real or not.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its network.
    pub network: &'a dyn Network,
    /// The processes of its tunnels.
    pub services: &'a dyn Services,
    /// How its tunnels are, and who answers.
    pub probes: &'a dyn Probes,
    /// Where releases come from.
    pub remotes: &'a dyn Remotes,
}

/// A gateway: a machine that knows what it is.
#[derive(Clone, Copy)]
pub struct Gateway<'a> {
    /// The machine.
    pub machine: Machine<'a>,
    /// Its gateway.yaml.
    pub config: &'a GatewayConfig,
    /// The fingerprint of its certificate.
    pub identity: Fingerprint,
    /// The id of the user that OpenVPN runs as, who owns the tunnels' devices.
    pub owner: u32,
}

/// What a run did. It is filled as the run goes on, so that it holds what was done before an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What had to be done for the generation that was in use before.
    pub repaired: Option<Changes>,
    /// The number of the newest release that was verified.
    pub release: Option<u64>,
    /// What a release changed that was applied.
    pub applied: Option<Changes>,
    /// What an administrator should know although the run went well.
    pub warnings: Vec<String>,
    /// Those warnings that the run before had as well, and that nobody needs to be told again.
    pub repeated: Vec<String>,
    /// What went on, for who wants to see every step.
    pub steps: Vec<String>,
}

impl Report {
    /// What was done, in one line; empty where nothing was.
    #[must_use]
    pub fn summary(&self) -> String {
        let repaired = self.repaired.map(|changes| format!("repaired: {changes}"));
        let release = self.release.unwrap_or_default();
        let applied = self.applied.map(|changes| format!("release {release} applied: {changes}"));
        repaired.into_iter().chain(applied).collect::<Vec<_>>().join("; ")
    }
}

/// Why a gateway is not what the newest release wants it to be.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another run has not ended yet.
    #[error("another run of the reconciler holds {lock}")]
    Locked {
        /// The lock.
        lock: Utf8PathBuf,
    },
    /// The state or run directory cannot be used.
    #[error("cannot use the directories of this gateway")]
    Directories(#[source] FileError),
    /// The host cannot be looked at.
    #[error("cannot see what state this host is in")]
    Observe(#[source] StepError),
    /// There is no release to go by.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The bundle is signed and yet is none.
    #[error("release {release} is not applied")]
    Bundle {
        /// The release.
        release: u64,
        /// What is wrong.
        source: Box<TrustError>,
    },
    /// The bundle is not for this gateway, or not allowed here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The new generation did not fit onto the disk.
    #[error("release {release} is not applied: it cannot be written")]
    Stage {
        /// The release.
        release: u64,
        /// What could not be written.
        source: FileError,
    },
    /// The generation in use is in place, but not everything it asks for.
    #[error("{} of {count} steps failed, and the next run tries again: {}", errors.len(), sentences(errors))]
    Steps {
        /// How many steps there were.
        count: usize,
        /// Why each that failed did.
        errors: Vec<StepError>,
    },
}

/// Brings a gateway to the newest release its remotes have.
///
/// First it repairs what is there: a reboot, a process that died, a run that was interrupted. That
/// needs no network, which may well depend on it.
pub fn run(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    let Gateway { machine, config, .. } = gateway;
    let paths = &config.paths;
    for directory in [&paths.state, &paths.run] {
        machine.files.create_dir(directory).map_err(RunError::Directories)?;
    }
    let lock = paths.run.join("lock");
    let held = machine.files.try_lock(&lock).map_err(RunError::Directories)?;
    let Some(_held) = held else { return Err(RunError::Locked { lock }) };
    let before = LastRun::load(machine.files, &paths.state);
    let ended = converge_to_newest(gateway, report);
    report.repeated = before.map(|before| before.warnings).unwrap_or_default();
    report.repeated.retain(|warning| report.warnings.contains(warning));
    let now = UtcTime::from_clock(machine.clock.now());
    if let Err(error) = LastRun::new(now, report, &ended).save(machine.files, &paths.state) {
        report.warnings.push(sentence(&error));
    }
    ended
}

fn converge_to_newest(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    let Gateway { machine, config, .. } = gateway;
    let paths = &config.paths;
    let current =
        generation::current(machine.files, &paths.state).map_err(RunError::Directories)?;
    let ours = still_ours(gateway, &current);
    let repaired = match &current {
        // With another key pair, every restart would only take a tunnel down.
        _ if ours.is_err() => Ok(None),
        Current::None => Ok(None),
        Current::Whole(generation) => converge(gateway, &generation.manifest, report),
        Current::Damaged { why } => {
            report.warnings.push(format!("the generation in use is damaged: {why}"));
            Ok(None)
        }
    };
    let repaired = note(repaired, &mut report.repaired);
    match newest(gateway, current.digest(), report) {
        Ok(Newest::Same) => ours.and(repaired),
        Ok(Newest::Other(bundle)) => apply(gateway, &bundle, report),
        Err(error) => {
            // One error ends the run, but the other one has to be seen as well.
            report.warnings.extend(ours.and(repaired).err().map(|error| sentence(&error)));
            Err(error.into())
        }
    }
}

/// Whether the generation in use is still for this gateway, whose key pair or gateway.yaml may have
/// changed since it came.
fn still_ours(gateway: &Gateway, current: &Current) -> Result<(), RunError> {
    let Current::Whole(generation) = current else { return Ok(()) };
    let Generation { label, manifest } = &**generation;
    let config = gateway.config;
    addressed(label.release, manifest, &config.mesh, &config.gateway, gateway.identity)?;
    Ok(())
}

/// Puts a verified bundle to use.
fn apply(gateway: &Gateway, bundle: &VerifiedBundle, report: &mut Report) -> Result<(), RunError> {
    let Gateway { machine, config, .. } = gateway;
    let release = bundle.release();
    let (files, state) = (machine.files, &config.paths.state);
    let unpacked = bundle.unpack().map_err(|error| {
        let source = Box::new(error);
        RunError::Bundle { release, source }
    })?;
    let network = machine.network.observe().map_err(|error| RunError::Observe(error.into()))?;
    let local = Local {
        gateway: &config.gateway,
        mesh: &config.mesh,
        identity: gateway.identity,
        policy: &config.policy,
        attached: network.attached,
        addresses: network.addresses,
    };
    let candidate = Candidate::check(release, bundle.digest(), unpacked, &local)?;
    let write = |source| RunError::Stage { release, source };
    let label = stage::stage(files, state, &candidate).map_err(write)?;
    stage::switch(files, state, &label).map_err(write)?;
    let done = converge(gateway, candidate.manifest(), report);
    let done = note(done, &mut report.applied);
    // A release may change nothing that runs, and has been applied nevertheless.
    report.applied.get_or_insert_default();
    stage::prune(files, state).map_err(write)?;
    done
}

/// What was done, and what of it failed.
type Done = Result<Option<Changes>, (Option<Changes>, RunError)>;

/// Makes this host what `manifest` asks for.
fn converge(gateway: &Gateway, manifest: &Manifest, report: &mut Report) -> Done {
    let Gateway { machine, config, .. } = gateway;
    let seen = observe::observe(machine, &config.paths);
    let mut seen = seen.map_err(|error| (None, RunError::Observe(error)))?;
    let wanted = Wanted::of(manifest, &gateway.identity, gateway.owner);
    let steps = decide(&seen, &wanted);
    if steps.is_empty() {
        return Ok(None);
    }
    report.steps.extend(steps.iter().map(ToString::to_string));
    let count = steps.iter().count();
    let (done, errors) = execute::execute(machine, &config.paths, steps, &mut seen.applied);
    let changes = (!done.is_empty()).then(|| Changes::of(&done));
    if errors.is_empty() {
        return Ok(changes);
    }
    // A device that waits for a process that does not start is nothing to tell of.
    let told = changes.filter(|changes| *changes != Changes::default());
    Err((told, RunError::Steps { count, errors }))
}

/// Puts what was done into its place in the report, and hands on what failed.
fn note(done: Done, place: &mut Option<Changes>) -> Result<(), RunError> {
    match done {
        Ok(changes) => {
            *place = changes;
            Ok(())
        }
        Err((changes, error)) => {
            *place = changes;
            Err(error)
        }
    }
}

impl Current {
    fn digest(&self) -> Option<crate::primitives::Digest> {
        match self {
            Self::Whole(generation) => {
                let Generation { label, .. } = &**generation;
                Some(label.digest)
            }
            Self::None | Self::Damaged { .. } => None,
        }
    }
}

fn sentences(errors: &[StepError]) -> String {
    errors.iter().map(|error| sentence(error)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod town;
