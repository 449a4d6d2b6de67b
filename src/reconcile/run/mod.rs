//! One run: short, idempotent, and silent when nothing changes.

mod boot;
mod manual_rollback;
mod preview;
mod session;
mod unfinished;

use std::collections::BTreeSet;

use super::cause::Cause;
use super::error::{Alarm, RunError};
use super::events::Event;
use super::fetch::{NewestBundle, newest};
use super::gateway::{Gateway, OnDrift};
use super::generation::{self, Candidate, Current, Generation, addressed};
use super::hold::Hold;
use super::host_check::{self, Lacks};
use super::outcome::Outcome;
use super::transaction::{self, History, Rejected, Target};
use super::units::{self, Local, Wanted, decide, observe};
use crate::host::Source;
use crate::primitives::{Digest, error_chain};
use crate::tuf::{UtcTime, VerifiedBundle};

pub use boot::{forget_transaction, recover_link};
pub use manual_rollback::{ManualRollbackError, lift, roll_back_manually};
pub use preview::{Move, Preview, PreviewPhase, preview};
pub use session::Run;
use session::session;

/// Brings a gateway to the newest release its remotes have.
///
/// First it ends what an interrupted run left and repairs what is there: after a reboot, or when a
/// process died. That needs no network, which may well depend on it.
#[must_use]
pub fn run(gateway: &Gateway) -> Run {
    session(gateway, || {
        let host = host_check::standing(gateway);
        blame(gateway, host, converge(gateway))
    })
}

/// What the host lacks is told of before anything else that went wrong, except where somebody has to
/// come anyway.
fn blame(
    gateway: &Gateway,
    host: Result<(), Lacks>,
    ended: Result<Outcome, RunError>,
) -> Result<Outcome, RunError> {
    match (host, ended) {
        (Ok(()), ended) | (_, ended @ Err(RunError::Host(_))) => ended,
        (host @ Err(_), Err(error @ (RunError::Alarm(_) | RunError::RollbackFailed { .. }))) => {
            gateway.events.warn_of(host);
            Err(error)
        }
        (Err(lacks), ended) => {
            gateway.events.warn_of(ended.map(drop));
            Err(lacks.into())
        }
    }
}

/// Ends what the run before began, repairs, and applies the newest release.
fn converge(gateway: &Gateway) -> Result<Outcome, RunError> {
    match transaction::recover(gateway) {
        Ok(Outcome::Converged) => {}
        Ok(outcome) => return Ok(outcome),
        Err(error) => {
            if leaves_in_use(&error) {
                let (_, current) = in_use(gateway)?;
                let _ = repair(gateway, &current);
            }
            return Err(error);
        }
    }
    match hold(gateway) {
        Some(hold) => wait(gateway, hold),
        None => converge_to_newest(gateway),
    }
}

/// Whether what is in use stays so for now, and may as well run: there is no way back, the host lacks
/// what the way back needs, or the disk is full or read-only, so that the way back cannot be taken or
/// its end not noted. Even a release that
/// did not prove healthy is better than no tunnel after a boot.
fn leaves_in_use(error: &RunError) -> bool {
    match error {
        RunError::Alarm(Alarm::NoWayBack { .. }) | RunError::Journal(_) | RunError::Host(_) => true,
        RunError::RollbackFailed { source, .. } => matches!(**source, RunError::Journal(_)),
        _ => false,
    }
}

/// The hold that is in force. One that has ended by itself is removed.
fn hold(gateway: &Gateway) -> Option<Hold> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let now = UtcTime::from_clock(gateway.machine.clock.now());
    let hold = Hold::load(files, state);
    if let Some(ended) = hold.as_ref().filter(|hold| hold.has_ended(now)) {
        gateway.events.progress(format!("no longer on hold; it was {ended}"));
        // It stays ended where its file stays.
        gateway.events.warn_of(Hold::release(files, state).map(drop));
        return None;
    }
    hold
}

/// What is remembered and what is in use, read from the disk.
fn in_use(gateway: &Gateway) -> Result<(History, Current), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let history = History::load(files, state);
    let current = transaction::in_use(gateway, &history)?;
    Ok((history, current))
}

/// The same, after files that were changed have been restored.
fn in_use_restored(gateway: &Gateway) -> Result<(History, Current), RunError> {
    let (history, current) = in_use(gateway)?;
    let current = generation::repair_files(gateway, current).map_err(RunError::Damaged)?;
    Ok((history, current))
}

/// A run on hold: it repairs, and applies nothing.
fn wait(gateway: &Gateway, hold: Hold) -> Result<Outcome, RunError> {
    let (_, current) = in_use_restored(gateway)?;
    repair(gateway, &current)?;
    match still_allowed(gateway, &current) {
        Ok(Outcome::Converged) => {}
        Ok(outcome) => gateway.events.warn(outcome.to_string()),
        Err(error) => gateway.events.warn(error_chain(&error)),
    }
    Ok(Outcome::OnHold(hold))
}

/// Makes the host what the generation in use asks for.
fn repair(gateway: &Gateway, current: &Current) -> Result<(), RunError> {
    let Current::Whole(generation) = current else { return Ok(()) };
    let Generation { label, manifest, .. } = &**generation;
    let config = gateway.config;
    // With another key pair, every restart would only take a tunnel down.
    addressed(label.release, manifest, &config.mesh, &config.gateway, gateway.identity)?;
    let wanted = Wanted::of(manifest, &gateway.identity, gateway.owner);
    if gateway.drift == OnDrift::Report {
        let seen = observe(&gateway.machine, &config.paths).map_err(RunError::Observe)?;
        for step in decide(&seen, &wanted).iter() {
            gateway.events.note(Event::DriftLeft(step.to_string()));
        }
        return Ok(());
    }
    let converged = transaction::converge(gateway, &wanted);
    if let Some(changes) = converged.changes {
        gateway.events.note(Event::Repaired(changes));
    }
    converged.result
}

/// What this gateway knows about itself.
fn local<'a>(gateway: &Gateway<'a>) -> Result<Local<'a>, RunError> {
    let Gateway { machine, config, .. } = gateway;
    let network = machine.network.observe().map_err(|error| RunError::Observe(error.into()))?;
    let others = network.other_tuns.iter().filter(|(owner, _)| *owner != gateway.owner);
    let attached = network.attached.iter().chain(others.map(|(_, network)| network));
    Ok(Local {
        gateway: &config.gateway,
        mesh: &config.mesh,
        identity: gateway.identity,
        policy: &config.policy,
        attached: attached.copied().collect(),
        addresses: network.addresses,
        foreign_routes: network.foreign_routes,
    })
}

/// Whether what is in use still is what this gateway allows. If not, that is told of, and nothing
/// that runs is touched: taking it away could be what cuts the gateway off.
fn still_allowed(gateway: &Gateway, current: &Current) -> Result<Outcome, RunError> {
    let Current::Whole(generation) = current else { return Ok(Outcome::Converged) };
    let release = generation.label.release;
    let allowed = units::check(&generation.manifest, &generation.files, &local(gateway)?);
    Ok(match allowed {
        Ok(()) => Outcome::Converged,
        Err(forbidden) => Outcome::NoLongerAllowed { release, forbidden },
    })
}

/// The bundles that need not be downloaded: the one in use, and those that are not to be.
fn known(history: &History, current: &Current) -> BTreeSet<Digest> {
    let rejected = history.rejected.iter().map(|rejected| rejected.digest);
    rejected.chain(current.digest()).collect()
}

fn converge_to_newest(gateway: &Gateway) -> Result<Outcome, RunError> {
    let (mut history, current) = in_use_restored(gateway)?;
    if let Current::Damaged { why } = &current {
        gateway.events.warn(format!("the generation in use is damaged: {why}"));
    }
    let repaired = repair(gateway, &current);
    let ended = match newest(gateway, &known(&history, &current)) {
        Ok(newest) => match newest.bundle {
            NewestBundle::Known(digest) if current.digest() == Some(digest) => {
                lift_outlived(gateway, &mut history, newest.release);
                return repaired.and_then(|()| still_allowed(gateway, &current));
            }
            NewestBundle::Known(digest) => match history.rejection(digest) {
                Some(rejected) => passed_over(gateway, rejected, repaired),
                None => repaired.map(|()| Outcome::Converged),
            },
            NewestBundle::Other(bundle) => apply(gateway, &current, &bundle, &newest.remote),
        },
        Err(error) => {
            // One error ends the run, but the other one has to be seen as well.
            gateway.events.warn_of(repaired);
            Err(error.into())
        }
    };
    fall_back(gateway)?;
    ended
}

/// Lets what failed be tried again, once a later release has come back to what is in use: that is
/// the something else that it had to wait for.
fn lift_outlived(gateway: &Gateway, history: &mut History, release: u64) {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    if history.lift_outlived(release) {
        gateway.events.warn_of(history.save(files, state));
    }
}

/// The newest release is one that failed here before, or that somebody took back.
fn passed_over(
    gateway: &Gateway,
    rejected: &Rejected,
    repaired: Result<(), RunError>,
) -> Result<Outcome, RunError> {
    let Rejected { release, reason, by, .. } = rejected.clone();
    match (by, repaired) {
        (Cause::Release, Ok(())) => Ok(Outcome::RolledBack { release, reason }),
        (Cause::Release, Err(source)) => {
            Err(RunError::RollbackFailed { release, reason, source: Box::new(source) })
        }
        (Cause::Administrator, repaired) => {
            gateway.events.warn(format!("release {release} is not used again: {reason}"));
            repaired.map(|()| Outcome::Converged)
        }
    }
}

/// Puts a verified bundle to use.
fn apply(
    gateway: &Gateway,
    current: &Current,
    bundle: &VerifiedBundle,
    remote: &Source,
) -> Result<Outcome, RunError> {
    let Gateway { machine, config, .. } = gateway;
    let release = bundle.release();
    let (files, state) = (machine.files, &config.paths.state);
    let unpacked = bundle.unpack().map_err(|error| {
        let source = Box::new(error);
        RunError::Bundle { release, source }
    })?;
    let candidate = Candidate::check(bundle, unpacked, &local(gateway)?)?;
    let write = |source| RunError::Stage { release, source };
    let linked = generation::linked(files, state).map_err(RunError::Directories)?;
    let same = linked.filter(|link| link.as_str().ends_with(&bundle.digest().short()));
    if let Some(link) = &same {
        generation::distrust_changed(gateway, &state.join(link), &candidate).map_err(write)?;
    }
    let to = generation::stage(files, state, &candidate).map_err(write)?;
    if same.is_some() {
        // What was in use had been damaged, and is whole again. There is nothing to prove.
        generation::switch(files, state, &to).map_err(write)?;
        let (_, current) = in_use(gateway)?;
        return repair(gateway, &current).map(|()| Outcome::Converged);
    }
    let (cause, manifest, remote) = (Cause::Release, candidate.manifest(), Some(remote));
    transaction::apply(gateway, &Target { cause, from: current, to: &to, manifest, remote })
}

/// Where the generation in use is damaged, and no remote could help: goes on with the one before.
fn fall_back(gateway: &Gateway) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let (history, current) = in_use(gateway)?;
    let Current::Damaged { why } = current else { return Ok(()) };
    let Some(spare) = transaction::spare(gateway, &history, &[]) else {
        return Err(Alarm::Damaged { why }.into());
    };
    let release = spare.label.release;
    generation::switch(files, state, &spare.label)
        .map_err(|source| RunError::Stage { release, source })?;
    gateway.events.warn(format!("release {release} is in use until the newest can be had again"));
    repair(gateway, &Current::Whole(Box::new(spare)))
}

#[cfg(test)]
mod crashes;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod recoveries;
#[cfg(test)]
mod rollbacks;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wrongs;
