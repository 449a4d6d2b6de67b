//! The way there: write down what is going to happen, switch, have it prove healthy, write that
//! down.

use super::confirm::confirm;
use super::rollback::roll_back;
use super::{History, Journal, Origin, Phase, Rejected};
use crate::bundle::Manifest;
use crate::host::Source;
use crate::reconcile::cause::Cause;
use crate::reconcile::error::RunError;
use crate::reconcile::events::{Event, Installed};
use crate::reconcile::gateway::Gateway;
use crate::reconcile::generation::{self, Current, Label};
use crate::reconcile::health::{self, Ask};
use crate::reconcile::hold::Hold;
use crate::reconcile::host_check;
use crate::reconcile::outcome::Outcome;
use crate::reconcile::units::{Changes, Wanted, decide, observe};
use crate::tuf::UtcTime;

/// What is to be put to use: a generation that is whole, and on the disk.
pub(in crate::reconcile) struct Target<'a> {
    /// Who wants it.
    pub(in crate::reconcile) cause: Cause,
    /// What is in use.
    pub(in crate::reconcile) from: &'a Current,
    /// What is to be.
    pub(in crate::reconcile) to: &'a Label,
    /// What that asks for.
    pub(in crate::reconcile) manifest: &'a Manifest,
    /// The remote that it has just come from, which is known to answer.
    pub(in crate::reconcile) remote: Option<&'a Source>,
}

/// Puts a generation to use, or restores everything.
pub(in crate::reconcile) fn apply(gateway: &Gateway, target: &Target) -> Result<Outcome, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let mut journal = arm(gateway, target)?;
    // Nothing has been touched yet, and it may have taken a while to come here.
    let now = UtcTime::from_clock(gateway.machine.clock.now());
    if let (Cause::Release, Some(hold)) = (target.cause, Hold::in_force(files, state, now)) {
        return Ok(Outcome::OnHold(hold));
    }
    journal.save(files, state).map_err(RunError::Journal)?;
    let release = target.to.release;
    generation::switch(files, state, target.to)
        .map_err(|source| RunError::Stage { release, source })?;
    journal.phase = Phase::Switched;
    // Where that fails, the link says the same.
    gateway.events.warn_of(journal.save(files, state).map_err(RunError::Journal));
    finish(gateway, journal, target.manifest)
}

/// What is there before anything is touched.
fn arm(gateway: &Gateway, target: &Target) -> Result<Journal, RunError> {
    let Gateway { machine, config, .. } = gateway;
    let seen = observe(machine, &config.paths).map_err(RunError::Observe)?;
    let steps = decide(&seen, &Wanted::of(target.manifest, &gateway.identity, gateway.owner));
    host_check::before(gateway, &steps)?;
    let (from, before) = match target.from {
        Current::Whole(generation) => {
            let before = Wanted::of(&generation.manifest, &gateway.identity, gateway.owner);
            (Origin::Generation(generation.label.clone()), before)
        }
        Current::None => (Origin::Nothing(seen.prior()), Wanted::default()),
        Current::Damaged { .. } => (Origin::Unknown, Wanted::default()),
    };
    let ask = Ask::All { answered: target.remote };
    let baseline = health::measure(machine, config, &before, ask, config.confirm.window());
    let now = machine.clock.boot();
    let deadline = now.uptime.saturating_add(config.confirm.window());
    Ok(Journal {
        format: Journal::FORMAT,
        phase: Phase::Armed,
        cause: target.cause,
        from,
        to: target.to.clone(),
        changed: steps.interrupted(),
        boot: now.id,
        deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        baseline,
        recoveries: 0,
        reason: None,
    })
}

/// Goes on from the switch: does what the new generation asks for, and sees whether it proves
/// healthy.
pub(super) fn finish(
    gateway: &Gateway,
    journal: Journal,
    manifest: &Manifest,
) -> Result<Outcome, RunError> {
    match confirm(gateway, &journal, manifest) {
        Ok(changes) => commit(gateway, journal, changes),
        Err(reason) => roll_back(gateway, journal, reason),
    }
}

fn commit(gateway: &Gateway, mut journal: Journal, changes: Changes) -> Result<Outcome, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    journal.phase = Phase::Committed;
    let committed = journal.save(files, state);
    // On a full disk nothing can be written, but something can still be removed.
    committed.or_else(|_| Journal::remove(files, state)).map_err(RunError::Journal)?;
    let (release, cause) = (journal.to.release, journal.cause);
    gateway.events.note(Event::Applied(Installed { release, cause, changes }));
    conclude(gateway, &journal)?;
    Ok(Outcome::Converged)
}

/// Writes down where it belongs what a transaction that proved healthy came to, and ends it.
pub(super) fn conclude(gateway: &Gateway, journal: &Journal) -> Result<(), RunError> {
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
        (Cause::Administrator, from) => {
            history.lift(journal.to.digest);
            if let Origin::Generation(label) = from {
                history.reject(Rejected {
                    digest: label.digest,
                    release: label.release,
                    by: Cause::Administrator,
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
    gateway.events.warn_of(generation::prune(files, state, &history.used));
    Ok(())
}
