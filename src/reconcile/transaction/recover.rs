//! Recovering from a run that was cut off.

use camino::Utf8Path;

use super::apply::{conclude, finish};
use super::rollback::{roll_back, switch_back};
use super::rollback_target::{RollbackTarget, whole};
use super::{Interruption, Journal, JournalFile, Linked, Origin, Phase, Recovery, recovery_for};
use crate::reconcile::error::{Alarm, RunError};
use crate::reconcile::gateway::Gateway;
use crate::reconcile::generation;
use crate::reconcile::host_check;
use crate::reconcile::outcome::Outcome;

/// How often a transaction is taken up again in each direction. What cuts it off as often may be
/// the transaction itself.
const LIMIT: u32 = 5;

/// Ends the transaction that the run before left, if it left one, on a host that can: otherwise it would
/// fail one way and the other, and a release would be blamed. It needs no network. What is
/// converged goes on from there.
pub(in crate::reconcile) fn recover(gateway: &Gateway) -> Result<Outcome, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let removed = || {
        let removed = Journal::remove(files, state).map_err(RunError::Journal);
        removed.map(|()| Outcome::Converged)
    };
    let journal = Journal::load(files, state);
    if journal != JournalFile::Absent {
        host_check::everything(gateway)?;
    }
    let journal = match journal {
        JournalFile::Absent => return Ok(Outcome::Converged),
        JournalFile::Unreadable(why) => {
            gateway.events.warn(format!("the journal is damaged and was removed: {why}"));
            return removed();
        }
        JournalFile::Present(journal) => *journal,
    };
    let (interruption, why) = examine(gateway, &journal)?;
    let release = journal.to.release;
    match recovery_for(&interruption) {
        Recovery::Forget => {
            gateway.events.progress(format!("release {release} had not been begun"));
            removed()
        }
        Recovery::Conclude => conclude(gateway, &journal).map(|()| Outcome::Converged),
        Recovery::Resume => resume(gateway, journal),
        Recovery::RollBack => roll_back(gateway, journal, why),
        Recovery::GiveUp => Err(Alarm::CutOff { release, times: journal.recoveries }.into()),
        Recovery::NoTarget => Err(Alarm::NoWayBack { release }.into()),
    }
}

fn resume(gateway: &Gateway, mut journal: Journal) -> Result<Outcome, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let Some(to) = whole(gateway, &journal.to.name()) else {
        return roll_back(gateway, journal, DAMAGED.to_owned());
    };
    gateway.events.progress(format!("going on with release {}", journal.to.release));
    journal.recoveries += 1;
    gateway.events.warn_of(journal.save(files, state).map_err(RunError::Journal));
    finish(gateway, journal, &to.manifest)
}

const DAMAGED: &str = "its files on this host were damaged before it was confirmed";

/// Examines what was left, and says in a sentence why it would be undone.
fn examine(gateway: &Gateway, journal: &Journal) -> Result<(Interruption, String), RunError> {
    let Gateway { machine, config, .. } = gateway;
    let linked = generation::linked(machine.files, &config.paths.state);
    let linked = linked.map_err(RunError::Directories)?;
    let linked = linked.as_deref().and_then(Utf8Path::file_name).map(str::to_owned);
    let old = match &journal.from {
        Origin::Generation(label) => Some(Some(label.name())),
        Origin::Nothing(_) => Some(None),
        Origin::Unknown => None,
    };
    let now = machine.clock.boot();
    let interruption = Interruption {
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
        has_target: RollbackTarget::of(gateway, journal).is_some(),
    };
    let why = match &journal.reason {
        Some(reason) if journal.phase == Phase::RollingBack => reason.clone(),
        _ if !interruption.same_boot => "this host was booted before it was confirmed".to_owned(),
        _ if !interruption.whole => DAMAGED.to_owned(),
        _ if !interruption.in_time => {
            "the run that applied it was cut off, and its time has passed".to_owned()
        }
        _ if interruption.exhausted => {
            format!("the run that applied it was cut off {} times", journal.recoveries)
        }
        _ => "it was cut off".to_owned(),
    };
    Ok((interruption, why))
}

/// Switches the link back where the transaction in `journal` has to be undone, and starts and stops
/// nothing. Returns the release that is undone.
pub(in crate::reconcile) fn restore_link(
    gateway: &Gateway,
    mut journal: Journal,
) -> Result<Option<u64>, RunError> {
    let (interruption, why) = examine(gateway, &journal)?;
    let release = journal.to.release;
    match recovery_for(&interruption) {
        Recovery::RollBack => {
            let missing = Alarm::NoWayBack { release };
            let target = RollbackTarget::of(gateway, &journal).ok_or(missing)?;
            if interruption.linked == Linked::New {
                journal.begin_rollback(&why);
                switch_back(gateway, &journal, &target)?;
            }
            Ok(Some(release))
        }
        Recovery::GiveUp => Err(Alarm::CutOff { release, times: journal.recoveries }.into()),
        Recovery::NoTarget => Err(Alarm::NoWayBack { release }.into()),
        Recovery::Forget | Recovery::Conclude | Recovery::Resume => Ok(None),
    }
}
