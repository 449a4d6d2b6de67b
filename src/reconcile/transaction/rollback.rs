//! Rolling back: switch back, have it run, make sure that it does, and remember why.

use std::time::Duration;

use super::confirm::TRIES;
use super::converge::converge;
use super::rollback_target::RollbackTarget;
use super::{History, Journal, Rejected};
use crate::reconcile::cause::Cause;
use crate::reconcile::error::{Alarm, RunError};
use crate::reconcile::events::Event;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::health::{self, Ask};
use crate::reconcile::outcome::Outcome;
use crate::reconcile::units::Wanted;
use crate::tuf::UtcTime;

/// How long to wait between two tries, or two looks.
const POLL: Duration = Duration::from_secs(1);

/// How long the old generation has to become healthy before a warning is given.
const PATIENCE: Duration = Duration::from_secs(10);

/// Undoes a transaction because of `reason`, and says how that ended. It needs no network: what it
/// goes back to is on the disk.
pub(super) fn roll_back(
    gateway: &Gateway,
    mut journal: Journal,
    reason: String,
) -> Result<Outcome, RunError> {
    let release = journal.to.release;
    match undo(gateway, &mut journal, &reason) {
        Ok(()) => {
            gateway.events.note(Event::RolledBack);
            Ok(match journal.cause {
                Cause::Release => Outcome::RolledBack { release, reason },
                Cause::Administrator => Outcome::Undone { release, reason },
            })
        }
        Err(RunError::Alarm(alarm)) => Err(alarm.into()),
        Err(error) => Err(RunError::RollbackFailed { release, reason, source: Box::new(error) }),
    }
}

fn undo(gateway: &Gateway, journal: &mut Journal, reason: &str) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let release = journal.to.release;
    let target = RollbackTarget::of(gateway, journal).ok_or(Alarm::NoWayBack { release })?;
    journal.begin_rollback(reason);
    journal.recoveries += 1;
    switch_back(gateway, journal, &target)?;
    let wanted = target.wanted(gateway);
    let ran = run_again(gateway, journal, &wanted);
    let ran = match target {
        // Without a generation no later run would repair what is left, so the journal stays.
        RollbackTarget::Nothing(_) => Ok(ran?),
        // What is left is drift like any other, and every run repairs what it can.
        RollbackTarget::Generation(_) => ran,
    };
    remember(gateway, journal, reason)?;
    Journal::remove(files, state).map_err(RunError::Journal)?;
    ran?;
    compare(gateway, journal, &wanted);
    Ok(())
}

/// Writes down that it goes back, and switches the link.
pub(super) fn switch_back(
    gateway: &Gateway,
    journal: &Journal,
    target: &RollbackTarget,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    // A full disk must not keep a gateway from going back: as long as the link is the new one, the
    // next run comes to the same conclusion.
    gateway.events.warn_of(journal.save(files, state).map_err(RunError::Journal));
    target.link(gateway).map_err(RunError::Journal)
}

/// Has the old generation run; what fails is tried a few times.
fn run_again(gateway: &Gateway, journal: &Journal, wanted: &Wanted) -> Result<(), RunError> {
    let stopped = journal.stopped_before();
    let mut tries = 1;
    loop {
        match converge(gateway, wanted).result {
            Ok(()) => return Ok(()),
            // It did not run before either.
            Err(error) if error.problems(&stopped).is_empty() => return Ok(()),
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tries += 1,
        }
        gateway.machine.clock.sleep(POLL);
    }
}

/// Warns of what is not as it was before. That is no reason to do anything: there is nothing
/// further to go back to.
fn compare(gateway: &Gateway, journal: &Journal, wanted: &Wanted) {
    let Gateway { machine, config, events, .. } = gateway;
    let start = machine.clock.boot().uptime;
    loop {
        let ask = Ask::Any { before: &journal.baseline };
        let now = health::measure(machine, config, wanted, ask, PATIENCE);
        let assessment = health::assess(&journal.baseline, &now, &journal.changed);
        let late = machine.clock.boot().uptime.saturating_sub(start) >= PATIENCE;
        if assessment.healthy || late {
            let missing = assessment.waiting_for.into_iter();
            let missing = missing.map(|what| format!("not as before the rollback: {what}"));
            missing.chain(assessment.warnings).for_each(|warning| events.warn(warning));
            return;
        }
        machine.clock.sleep(POLL);
    }
}

/// Remembers a release that failed, so that the next run does not try it again.
fn remember(gateway: &Gateway, journal: &Journal, reason: &str) -> Result<(), RunError> {
    if journal.cause == Cause::Administrator {
        return Ok(());
    }
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let mut history = History::load(files, state);
    history.reject(Rejected {
        digest: journal.to.digest,
        release: journal.to.release,
        by: Cause::Release,
        reason: reason.to_owned(),
        at: UtcTime::from_clock(gateway.machine.clock.now()),
    });
    history.save(files, state).map_err(RunError::Journal)
}
