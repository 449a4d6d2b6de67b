//! Taking up what a run that was cut off left behind.

use camino::Utf8Path;

use super::back::{WayBack, whole};
use super::carry_out::{conclude, finish};
use super::roll_back::{roll_back, turn};
use super::{Found, Journal, Linked, Origin, Phase, Recovery, Situation, way_out};
use crate::primitives::sentence;
use crate::reconcile::session::lock;
use crate::reconcile::{Alarm, Gateway, Report, RunError, generation};

/// How often a transaction is taken up again in each direction. What cuts it off as often may be
/// the transaction itself.
const LIMIT: u32 = 5;

/// Ends the transaction that the run before left, if it left one. It needs no network.
pub(in crate::reconcile) fn recover(
    gateway: &Gateway,
    report: &mut Report,
) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let journal = match Journal::load(files, state) {
        Found::Nothing => return Ok(()),
        Found::Unreadable(why) => {
            report.warnings.push(format!("the journal is damaged and was removed: {why}"));
            return Journal::remove(files, state).map_err(RunError::Journal);
        }
        Found::Journal(journal) => *journal,
    };
    let (situation, why) = look(gateway, &journal)?;
    let release = journal.to.release;
    match way_out(&situation) {
        Recovery::Forget => {
            report.steps.push(format!("release {release} had not been begun"));
            Journal::remove(files, state).map_err(RunError::Journal)
        }
        Recovery::Conclude => conclude(gateway, &journal, report),
        Recovery::Resume => resume(gateway, journal, report),
        Recovery::RollBack => Err(roll_back(gateway, journal, why, report)),
        Recovery::HandsOff => Err(Alarm::CutOff { release, times: journal.recoveries }.into()),
        Recovery::Stuck => Err(Alarm::NoWayBack { release }.into()),
    }
}

fn resume(gateway: &Gateway, mut journal: Journal, report: &mut Report) -> Result<(), RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let Some(to) = whole(gateway, &journal.to.name()) else {
        return Err(roll_back(gateway, journal, DAMAGED.to_owned(), report));
    };
    report.steps.push(format!("going on with release {}", journal.to.release));
    journal.recoveries += 1;
    if let Err(error) = journal.save(files, state) {
        report.warnings.push(sentence(&RunError::Journal(error)));
    }
    finish(gateway, journal, &to.manifest, report)
}

const DAMAGED: &str = "its files on this host were damaged before it was confirmed";

/// Looks at what was left, and says in a sentence why it would be undone.
fn look(gateway: &Gateway, journal: &Journal) -> Result<(Situation, String), RunError> {
    let Gateway { machine, config, .. } = gateway;
    let linked = generation::linked(machine.files, &config.paths.state);
    let linked = linked.map_err(RunError::Directories)?;
    let linked = linked.as_deref().and_then(Utf8Path::file_name).map(str::to_owned);
    let old = match &journal.from {
        Origin::Generation(label) => Some(Some(label.name())),
        Origin::Nothing { .. } => Some(None),
        Origin::Unknown => None,
    };
    let now = machine.clock.boot();
    let situation = Situation {
        phase: Some(journal.phase),
        linked: match linked {
            Some(name) if name == journal.to.name() => Linked::New,
            name if old == Some(name.clone()) => Linked::Old,
            _ => Linked::Elsewhere,
        },
        same_boot: journal.same_boot(&now),
        in_time: now.uptime < journal.deadline(),
        exhausted: journal.recoveries >= LIMIT,
        whole: whole(gateway, &journal.to.name()).is_some_and(|there| there.label == journal.to),
        way_back: WayBack::of(gateway, journal).is_some(),
    };
    let why = match &journal.reason {
        Some(reason) if journal.phase == Phase::RollingBack => reason.clone(),
        _ if !situation.same_boot => "this host was booted before it was confirmed".to_owned(),
        _ if !situation.whole => DAMAGED.to_owned(),
        _ if !situation.in_time => {
            "the run that applied it was cut off, and its time has passed".to_owned()
        }
        _ if situation.exhausted => {
            format!("the run that applied it was cut off {} times", journal.recoveries)
        }
        _ => "it was cut off".to_owned(),
    };
    Ok((situation, why))
}

/// Switches the link back where a transaction has to be undone, and starts and stops nothing: what
/// comes up after a boot then comes up with the old generation, and the next run does the rest.
/// Returns the release that is undone.
pub fn put_back(gateway: &Gateway, report: &mut Report) -> Result<Option<u64>, RunError> {
    let _held = lock(gateway)?;
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let Found::Journal(mut journal) = Journal::load(files, state) else { return Ok(None) };
    let (situation, why) = look(gateway, &journal)?;
    let release = journal.to.release;
    match way_out(&situation) {
        Recovery::RollBack => {
            let missing = Alarm::NoWayBack { release };
            let back = WayBack::of(gateway, &journal).ok_or(missing)?;
            if situation.linked == Linked::New {
                journal.turn_back(&why);
                turn(gateway, &journal, &back, report)?;
            }
            Ok(Some(release))
        }
        Recovery::HandsOff => Err(Alarm::CutOff { release, times: journal.recoveries }.into()),
        Recovery::Stuck => Err(Alarm::NoWayBack { release }.into()),
        Recovery::Forget | Recovery::Conclude | Recovery::Resume => Ok(None),
    }
}

/// Ends a transaction that nothing else ends: what `current` points at is taken for what is
/// wanted. Returns whether there was one.
pub fn forget(gateway: &Gateway) -> Result<bool, RunError> {
    let _held = lock(gateway)?;
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let found = Journal::load(files, state) != Found::Nothing;
    if found {
        Journal::remove(files, state).map_err(RunError::Journal)?;
    }
    Ok(found)
}
