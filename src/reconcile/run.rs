//! One run: short, idempotent, and silent when nothing changes.

use super::candidate::{Candidate, Local, addressed};
use super::converge::converge;
use super::newest::{Newest, newest};
use super::transaction::{self, Plan, carry_out};
use super::{
    Alarm, Cause, Current, Found, GatewayConfig, Generation, History, Journal, LastRun, Report,
    RunError, Wanted, generation, stage,
};
use crate::host::git::Remotes;
use crate::host::http::Mirrors;
use crate::host::{Clock, Files, LockGuard, Network, Probes, Services};
use crate::primitives::{Fingerprint, sentence};
use crate::tuf::{UtcTime, VerifiedBundle};

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
    /// The git repositories that releases come from.
    pub remotes: &'a dyn Remotes,
    /// The web servers that releases come from.
    pub mirrors: &'a dyn Mirrors,
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
    /// Whether somebody is watching, who would rather not wait for what can be had at once.
    pub attended: bool,
}

/// Brings a gateway to the newest release its remotes have.
///
/// First it ends what an interrupted run left and repairs what is there: after a reboot, or when a
/// process died. That needs no network, which may well depend on it.
pub fn run(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    session(gateway, report, |report| {
        if let Err(error) = transaction::recover(gateway, report) {
            if matches!(error, RunError::Alarm(Alarm::NoWayBack { .. })) {
                // What is in use stays, so it may as well run.
                let _ = repair(gateway, &in_use(gateway)?, report);
            }
            return Err(error);
        }
        converge_to_newest(gateway, report)
    })
}

/// Takes the lock that every run has, for as long as what is returned lives.
pub(super) fn lock(gateway: &Gateway) -> Result<LockGuard, RunError> {
    let Gateway { machine, config, .. } = gateway;
    let paths = &config.paths;
    for directory in [&paths.state, &paths.run] {
        machine.files.create_dir(directory).map_err(RunError::Directories)?;
    }
    let lock = paths.run.join("lock");
    let held = machine.files.try_lock(&lock).map_err(RunError::Directories)?;
    held.ok_or_else(|| {
        let confirming = Journal::load(machine.files, &paths.state) != Found::Nothing;
        RunError::Locked { lock, confirming }
    })
}

/// Does some `work` under the lock, and leaves a note of how it ended.
pub(super) fn session(
    gateway: &Gateway,
    report: &mut Report,
    work: impl FnOnce(&mut Report) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let _held = lock(gateway)?;
    let Gateway { machine, config, .. } = gateway;
    let (files, state) = (machine.files, &config.paths.state);
    let before = LastRun::load(files, state);
    let ended = work(report);
    let now = UtcTime::from_clock(machine.clock.now());
    let last_run = LastRun::new(now, report, &ended);
    if let Some(before) = before {
        report.error_repeated = last_run.same_error(&before);
        report.repeated = before.warnings;
        report.repeated.retain(|warning| report.warnings.contains(warning));
    }
    if let Err(error) = last_run.save(files, state) {
        report.warnings.push(sentence(&error));
    }
    ended
}

/// What is in use. A link that is gone although there was one is damage, and no first install.
pub(super) fn in_use(gateway: &Gateway) -> Result<Current, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let current = generation::current(files, state).map_err(RunError::Directories)?;
    if current == Current::None && !History::load(files, state).used.is_empty() {
        return Ok(Current::Damaged { why: format!("{state}/current is gone") });
    }
    Ok(current)
}

/// Makes the host what the generation in use asks for.
fn repair(gateway: &Gateway, current: &Current, report: &mut Report) -> Result<(), RunError> {
    let Current::Whole(generation) = current else { return Ok(()) };
    let Generation { label, manifest } = &**generation;
    let config = gateway.config;
    // With another key pair, every restart would only take a tunnel down.
    addressed(label.release, manifest, &config.mesh, &config.gateway, gateway.identity)?;
    let wanted = Wanted::of(manifest, &gateway.identity, gateway.owner);
    let (changes, ended) = match converge(gateway, &wanted, report) {
        Ok(changes) => (changes, Ok(())),
        Err((changes, error)) => (changes, Err(error)),
    };
    report.repaired = changes;
    ended
}

fn converge_to_newest(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    let current = in_use(gateway)?;
    if let Current::Damaged { why } = &current {
        report.warnings.push(format!("the generation in use is damaged: {why}"));
    }
    let repaired = repair(gateway, &current, report);
    let ended = match newest(gateway, current.digest(), report) {
        Ok(Newest::Same) => return repaired,
        Ok(Newest::Other(bundle)) => take(gateway, &current, &bundle, repaired, report),
        Err(error) => {
            // One error ends the run, but the other one has to be seen as well.
            report.warnings.extend(repaired.err().map(|error| sentence(&error)));
            Err(error.into())
        }
    };
    fall_back(gateway, report)?;
    ended
}

/// Puts a verified bundle to use, unless it failed before.
fn take(
    gateway: &Gateway,
    current: &Current,
    bundle: &VerifiedBundle,
    repaired: Result<(), RunError>,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let history = History::load(files, state);
    let Some(rejected) = history.rejection(bundle.digest()) else {
        return apply(gateway, current, bundle, report);
    };
    let (release, reason) = (rejected.release, rejected.reason.clone());
    match (rejected.by, repaired) {
        (Cause::Release, Ok(())) => Err(RunError::RolledBack { release, reason }),
        (Cause::Release, Err(source)) => {
            Err(RunError::RollbackFailed { release, reason, source: Box::new(source) })
        }
        (Cause::ByHand, repaired) => {
            report.warnings.push(format!("release {release} is not used again: {reason}"));
            repaired
        }
    }
}

fn apply(
    gateway: &Gateway,
    current: &Current,
    bundle: &VerifiedBundle,
    report: &mut Report,
) -> Result<(), RunError> {
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
    let linked = generation::linked(files, state).map_err(RunError::Directories)?;
    let to = stage::stage(files, state, &candidate).map_err(write)?;
    let same = linked.is_some_and(|link| link.as_str().ends_with(&bundle.digest().short()));
    if same {
        // What was in use had been damaged, and is whole again. There is nothing to prove.
        stage::switch(files, state, &to).map_err(write)?;
        return repair(gateway, &in_use(gateway)?, report);
    }
    let manifest = candidate.manifest();
    carry_out(gateway, &Plan { cause: Cause::Release, from: current, to: &to, manifest }, report)
}

/// Where the generation in use is damaged, and no remote could help: goes on with the one before.
fn fall_back(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let Current::Damaged { why } = in_use(gateway)? else { return Ok(()) };
    let Some(spare) = transaction::spare(gateway, &[]) else {
        return Err(Alarm::Damaged { why }.into());
    };
    let release = spare.label.release;
    stage::switch(files, state, &spare.label)
        .map_err(|source| RunError::Stage { release, source })?;
    report.warnings.push(format!("release {release} is in use until the newest can be had again"));
    repair(gateway, &Current::Whole(Box::new(spare)), report)
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

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod recoveries;
#[cfg(test)]
mod rollbacks;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod town;
