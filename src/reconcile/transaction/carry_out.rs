//! The way there: write down what is going to happen, switch, have it prove healthy, write that
//! down.

use std::collections::BTreeSet;

use super::confirm::confirm;
use super::roll_back::roll_back;
use super::{Cause, History, Journal, Origin, Phase, Rejected};
use crate::bundle::Manifest;
use crate::primitives::sentence;
use crate::reconcile::health::Ask;
use crate::reconcile::{
    Changes, Current, Gateway, Hold, Installed, Label, Report, RunError, Step, Steps, Wanted,
    decide, health, observe, stage,
};
use crate::tuf::UtcTime;

/// What is to be put to use: a generation that is whole, and on the disk.
pub(in crate::reconcile) struct Plan<'a> {
    /// Who wants it.
    pub(in crate::reconcile) cause: Cause,
    /// What is in use.
    pub(in crate::reconcile) from: &'a Current,
    /// What is to be.
    pub(in crate::reconcile) to: &'a Label,
    /// What that asks for.
    pub(in crate::reconcile) manifest: &'a Manifest,
}

/// Puts a generation to use, or puts everything back.
pub(in crate::reconcile) fn carry_out(
    gateway: &Gateway,
    plan: &Plan,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let mut journal = arm(gateway, plan, report)?;
    // Nothing has been touched yet, and it may have taken a while to come here.
    let now = UtcTime::from_clock(gateway.machine.clock.now());
    if let (Cause::Release, Some(hold)) = (plan.cause, Hold::in_force(files, state, now)) {
        return Err(RunError::OnHold(hold));
    }
    journal.save(files, state).map_err(RunError::Journal)?;
    let release = plan.to.release;
    stage::switch(files, state, plan.to).map_err(|source| RunError::Stage { release, source })?;
    journal.phase = Phase::Switched;
    if let Err(error) = journal.save(files, state) {
        // The link says the same.
        report.warnings.push(sentence(&RunError::Journal(error)));
    }
    finish(gateway, journal, plan.manifest, report)
}

/// What is there before anything is touched.
fn arm(gateway: &Gateway, plan: &Plan, report: &Report) -> Result<Journal, RunError> {
    let Gateway { machine, config, .. } = gateway;
    let seen = observe::observe(machine, &config.paths).map_err(RunError::Observe)?;
    let steps = decide(&seen, &Wanted::of(plan.manifest, &gateway.identity, gateway.owner));
    let (from, before) = match plan.from {
        Current::Whole(generation) => {
            let before = Wanted::of(&generation.manifest, &gateway.identity, gateway.owner);
            (Origin::Generation(generation.label.clone()), before)
        }
        Current::None => (Origin::Nothing { settings: seen.settings }, Wanted::default()),
        Current::Damaged { .. } => (Origin::Unknown, Wanted::default()),
    };
    let ask = Ask::All { answered: report.remote.as_ref() };
    let baseline = health::take(machine, config, &before, ask, config.confirm.window());
    let now = machine.clock.boot();
    let deadline = now.uptime.saturating_add(config.confirm.window());
    Ok(Journal {
        format: Journal::FORMAT,
        phase: Phase::Armed,
        cause: plan.cause,
        from,
        to: plan.to.clone(),
        changed: touched(&steps),
        boot: now.id,
        deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        baseline,
        recoveries: 0,
        reason: None,
    })
}

/// The tunnels that steps interrupt.
fn touched(steps: &Steps) -> BTreeSet<crate::primitives::Device> {
    let device = |step: &Step| match step {
        Step::SetLink(device, _)
        | Step::RemoveLink(device)
        | Step::Start(device, _)
        | Step::Restart(device, _)
        | Step::Stop(device) => Some(*device),
        _ => None,
    };
    steps.iter().filter_map(device).collect()
}

/// Goes on from the switch: does what the new generation asks for, and sees whether it proves
/// healthy.
pub(super) fn finish(
    gateway: &Gateway,
    journal: Journal,
    manifest: &Manifest,
    report: &mut Report,
) -> Result<(), RunError> {
    match confirm(gateway, &journal, manifest, report) {
        Ok(changes) => commit(gateway, journal, changes, report),
        Err(reason) => Err(roll_back(gateway, journal, reason, report)),
    }
}

fn commit(
    gateway: &Gateway,
    mut journal: Journal,
    changes: Changes,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    journal.phase = Phase::Committed;
    let committed = journal.save(files, state);
    // On a full disk nothing can be written, but something can still be removed.
    committed.or_else(|_| Journal::remove(files, state)).map_err(RunError::Journal)?;
    let (release, cause) = (journal.to.release, journal.cause);
    report.applied.push(Installed { release, cause, changes });
    conclude(gateway, &journal, report)
}

/// Writes down where it belongs what a transaction that proved healthy came to, and ends it.
pub(super) fn conclude(
    gateway: &Gateway,
    journal: &Journal,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let before = History::load(files, state);
    let mut history = before.clone();
    if let Origin::Generation(label) = &journal.from {
        history.note_use(label.name());
    }
    history.note_use(journal.to.name());
    match (journal.cause, &journal.from) {
        // What failed before has been succeeded by something that did not.
        (Cause::Release, _) => history.rejected.clear(),
        (Cause::ByHand, from) => {
            history.lift(journal.to.digest);
            if let Origin::Generation(label) = from {
                history.reject(Rejected {
                    digest: label.digest,
                    release: label.release,
                    by: Cause::ByHand,
                    reason: format!("an administrator went back to release {}", journal.to.release),
                    at: UtcTime::from_clock(gateway.machine.clock.now()),
                });
            }
        }
    }
    if history != before {
        history.save(files, state).map_err(RunError::Journal)?;
    }
    Journal::remove(files, state).map_err(RunError::Journal)?;
    if let Err(error) = stage::prune(files, state, &history) {
        report.warnings.push(sentence(&error));
    }
    Ok(())
}
