//! One run: short, idempotent, and silent when nothing changes.

use super::candidate::{Candidate, addressed};
use super::converge::converge;
use super::gateway::{in_use, local};
use super::mend::mend;
use super::newest::{Newest, newest};
use super::session::session;
use super::transaction::{self, Plan, carry_out};
use super::{
    Alarm, Cause, Current, Gateway, Generation, History, Hold, OnDrift, Rejected, Report, RunError,
    Wanted, decide, generation, observe, policy, stage,
};
use crate::primitives::sentence;
use crate::tuf::{UtcTime, VerifiedBundle};

/// Brings a gateway to the newest release its remotes have.
///
/// First it ends what an interrupted run left and repairs what is there: after a reboot, or when a
/// process died. That needs no network, which may well depend on it.
pub fn run(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    session(gateway, report, |report| {
        if let Err(error) = transaction::recover(gateway, report) {
            if leaves_in_use(&error) {
                let _ = repair(gateway, &in_use(gateway)?, report);
            }
            return Err(error);
        }
        match hold(gateway, report) {
            Some(hold) => wait(gateway, hold, report),
            None => converge_to_newest(gateway, report),
        }
    })
}

/// Whether what is in use stays so for now, and may as well run: there is no way back, or the disk is
/// full or read-only, so that the way back cannot be taken or its end not noted. Even a release that
/// did not prove healthy is better than no tunnel after a boot.
fn leaves_in_use(error: &RunError) -> bool {
    match error {
        RunError::Alarm(Alarm::NoWayBack { .. }) | RunError::Journal(_) => true,
        RunError::RollbackFailed { source, .. } => matches!(**source, RunError::Journal(_)),
        _ => false,
    }
}

/// The hold that is in force. One that has ended by itself is removed.
fn hold(gateway: &Gateway, report: &mut Report) -> Option<Hold> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let now = UtcTime::from_clock(gateway.machine.clock.now());
    let hold = Hold::load(files, state);
    if let Some(ended) = hold.as_ref().filter(|hold| hold.has_ended(now)) {
        report.steps.push(format!("no longer on hold; it was {ended}"));
        // It stays ended where its file stays.
        report.warnings.extend(Hold::release(files, state).err().map(|error| sentence(&error)));
        return None;
    }
    hold
}

/// A run on hold: it repairs, and applies nothing.
fn wait(gateway: &Gateway, hold: Hold, report: &mut Report) -> Result<(), RunError> {
    let current = mend(gateway, report)?;
    repair(gateway, &current, report)?;
    report.warnings.extend(still_allowed(gateway, &current).err().map(|error| sentence(&error)));
    Err(RunError::OnHold(hold))
}

/// Makes the host what the generation in use asks for.
fn repair(gateway: &Gateway, current: &Current, report: &mut Report) -> Result<(), RunError> {
    let Current::Whole(generation) = current else { return Ok(()) };
    let Generation { label, manifest } = &**generation;
    let config = gateway.config;
    // With another key pair, every restart would only take a tunnel down.
    addressed(label.release, manifest, &config.mesh, &config.gateway, gateway.identity)?;
    let wanted = Wanted::of(manifest, &gateway.identity, gateway.owner);
    if gateway.drift == OnDrift::Report {
        let seen = observe::observe(&gateway.machine, &config.paths).map_err(RunError::Observe)?;
        report.drift.extend(decide(&seen, &wanted).iter().map(ToString::to_string));
        return Ok(());
    }
    let (changes, ended) = match converge(gateway, &wanted, report) {
        Ok(changes) => (changes, Ok(())),
        Err((changes, error)) => (changes, Err(error)),
    };
    if let Some(changes) = changes {
        report.repaired = Some(report.repaired.unwrap_or_default().and(changes));
    }
    ended
}

/// Whether what is in use still is what this gateway allows. If not, that is told of, and nothing
/// that runs is touched: taking it away could be what cuts the gateway off.
fn still_allowed(gateway: &Gateway, current: &Current) -> Result<(), RunError> {
    let Current::Whole(generation) = current else { return Ok(()) };
    let Generation { label, manifest } = &**generation;
    let local = local(gateway)?;
    policy::check_again(manifest, &local)
        .map_err(|source| RunError::NoLongerAllowed { release: label.release, source })
}

fn converge_to_newest(gateway: &Gateway, report: &mut Report) -> Result<(), RunError> {
    let current = mend(gateway, report)?;
    if let Current::Damaged { why } = &current {
        report.warnings.push(format!("the generation in use is damaged: {why}"));
    }
    let repaired = repair(gateway, &current, report);
    let ended = match newest(gateway, current.digest(), report) {
        Ok(Newest::Same) => {
            lift_outlived(gateway, report);
            return repaired.and_then(|()| still_allowed(gateway, &current));
        }
        Ok(Newest::Rejected(rejected)) => passed_over(rejected, repaired, report),
        Ok(Newest::Other(bundle)) => apply(gateway, &current, &bundle, report),
        Err(error) => {
            // One error ends the run, but the other one has to be seen as well.
            report.warnings.extend(repaired.err().map(|error| sentence(&error)));
            Err(error.into())
        }
    };
    fall_back(gateway, report)?;
    ended
}

/// Lets what failed be tried again, once a later release has come back to what is in use: that is
/// the something else that it had to wait for.
fn lift_outlived(gateway: &Gateway, report: &mut Report) {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let Some(release) = report.release else { return };
    let lifted = History::lift_outlived(files, state, release);
    report.warnings.extend(lifted.err().map(|error| sentence(&error)));
}

/// The newest release is one that failed here before, or that somebody took back.
fn passed_over(
    rejected: Rejected,
    repaired: Result<(), RunError>,
    report: &mut Report,
) -> Result<(), RunError> {
    let Rejected { release, reason, by, .. } = rejected;
    match (by, repaired) {
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

/// Puts a verified bundle to use.
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
    let candidate = Candidate::check(bundle, unpacked, &local(gateway)?)?;
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
mod drift;
#[cfg(test)]
mod recoveries;
#[cfg(test)]
mod rollbacks;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod town;
