//! What every run has around it: the lock before, and a note of how it ended after.

use std::time::Duration;

use super::unfinished;
use crate::host::LockGuard;
use crate::reconcile::error::RunError;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::outcome::Outcome;
use crate::reconcile::status::{LastRun, Report, export};
use crate::reconcile::transaction::{Journal, JournalFile};
use crate::tuf::UtcTime;

/// How long runs may hold the lock, beside the times that gateway.yaml gives them.
const LONG: Duration = Duration::from_mins(10);

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    /// How.
    pub ended: Result<Outcome, RunError>,
    /// What it did, for who started it.
    pub report: Report,
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
        let confirming = Journal::load(machine.files, &paths.state) != JournalFile::Absent;
        RunError::Locked { lock, confirming, none_since: long_ago(gateway) }
    })
}

/// When a run last ended, if that is so long ago that the one that has the lock hangs.
fn long_ago(gateway: &Gateway) -> Option<UtcTime> {
    let Gateway { machine, config, .. } = gateway;
    let last = LastRun::load(machine.files, &config.paths)?.at;
    let since = machine.clock.now() - last.to_clock();
    (since > LONG + config.deadline() + config.confirm.window()).then_some(last)
}

/// Does some `work` under the lock, and leaves a note of how it ended.
pub(super) fn session(gateway: &Gateway, work: impl FnOnce() -> Result<Outcome, RunError>) -> Run {
    let Gateway { machine, config, events, .. } = gateway;
    let (files, paths) = (machine.files, &config.paths);
    let _held = match lock(gateway) {
        Ok(held) => held,
        Err(error) => return Run { ended: Err(error), report: Report::of(&events.all()) },
    };
    events.warn_of(unfinished::remove(files, paths));
    let before = LastRun::load(files, paths);
    let ended = work();
    let now = UtcTime::from_clock(machine.clock.now());
    let note = || LastRun::new(before.as_ref(), now, &Report::of(&events.all()), &ended);
    let mut last_run = note();
    if let Err(warning) = export(gateway, &last_run) {
        events.warn(warning);
        last_run = note();
    }
    events.warn_of(last_run.save(files, paths));
    let mut report = Report::of(&events.all());
    if let Some(before) = &before {
        report.error_repeated = before.told_lately(&last_run.message, now).is_some();
        let told = |warning: &&String| before.told_lately(warning, now).is_some();
        report.repeated = report.warnings.iter().filter(told).cloned().collect();
        report.recovered = last_run.recovery_from(before);
    }
    report.last_run = Some(last_run);
    Run { ended, report }
}
