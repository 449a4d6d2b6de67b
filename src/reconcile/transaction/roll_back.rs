//! The way back: switch back, have it run, make sure that it does, and remember why.

use std::time::Duration;

use super::back::WayBack;
use super::confirm::TRIES;
use super::{Cause, History, Journal, Rejected};
use crate::primitives::sentence;
use crate::reconcile::converge::converge;
use crate::reconcile::health::Ask;
use crate::reconcile::{Alarm, Gateway, Report, RunError, Wanted, health};
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
    report: &mut Report,
) -> RunError {
    let release = journal.to.release;
    let undone = undo(gateway, &mut journal, &reason, report);
    report.rolled_back |= undone.is_ok();
    match (undone, journal.cause) {
        (Ok(()), Cause::Release) => RunError::RolledBack { release, reason },
        (Ok(()), Cause::ByHand) => RunError::Undone { release, reason },
        (Err(RunError::Alarm(alarm)), _) => alarm.into(),
        (Err(error), _) => RunError::RollbackFailed { release, reason, source: Box::new(error) },
    }
}

fn undo(
    gateway: &Gateway,
    journal: &mut Journal,
    reason: &str,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let release = journal.to.release;
    let back = WayBack::of(gateway, journal).ok_or(Alarm::NoWayBack { release })?;
    journal.turn_back(reason);
    journal.recoveries += 1;
    turn(gateway, journal, &back, report)?;
    let wanted = back.wanted(gateway);
    let ran = run_again(gateway, journal, &wanted, report);
    let ran = match back {
        // Without a generation no later run would repair what is left, so the journal stays.
        WayBack::Nothing(_) => Ok(ran?),
        // What is left is drift like any other, and every run repairs what it can.
        WayBack::Generation(_) => ran,
    };
    remember(gateway, journal, reason)?;
    Journal::remove(files, state).map_err(RunError::Journal)?;
    ran?;
    look(gateway, journal, &wanted, report);
    Ok(())
}

/// Writes down that it goes back, and switches the link.
pub(super) fn turn(
    gateway: &Gateway,
    journal: &Journal,
    back: &WayBack,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    if let Err(error) = journal.save(files, state) {
        // A full disk must not keep a gateway from going back: as long as the link is the new one,
        // the next run comes to the same conclusion.
        report.warnings.push(sentence(&RunError::Journal(error)));
    }
    back.link(gateway).map_err(RunError::Journal)
}

/// Has the old generation run; what fails is tried a few times.
fn run_again(
    gateway: &Gateway,
    journal: &Journal,
    wanted: &Wanted,
    report: &mut Report,
) -> Result<(), RunError> {
    let dead = journal.dead_before();
    let mut tries = 1;
    loop {
        match converge(gateway, wanted, report) {
            Ok(_) => return Ok(()),
            // It did not run before either.
            Err((_, error)) if error.problems(&dead).is_empty() => return Ok(()),
            Err((_, error)) if tries == TRIES => return Err(error),
            Err(_) => tries += 1,
        }
        gateway.machine.clock.sleep(POLL);
    }
}

/// Warns of what is not as it was before. That is no reason to do anything: there is nothing
/// further to go back to.
fn look(gateway: &Gateway, journal: &Journal, wanted: &Wanted, report: &mut Report) {
    let Gateway { machine, config, .. } = gateway;
    let start = machine.clock.boot().uptime;
    loop {
        let ask = Ask::Any { before: &journal.baseline };
        let now = health::take(machine, config, wanted, ask, PATIENCE);
        let verdict = health::judge(&journal.baseline, &now, &journal.changed);
        let late = machine.clock.boot().uptime.saturating_sub(start) >= PATIENCE;
        if verdict.healthy || late {
            let missing = verdict.waiting_for.into_iter();
            let missing = missing.map(|what| format!("not as before the rollback: {what}"));
            report.warnings.extend(missing.chain(verdict.warnings));
            return;
        }
        machine.clock.sleep(POLL);
    }
}

/// Remembers a release that failed, so that the next run does not try it again.
fn remember(gateway: &Gateway, journal: &Journal, reason: &str) -> Result<(), RunError> {
    if journal.cause == Cause::ByHand {
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
