//! What every run has around it: the lock before, and a note of how it ended after.

use super::{Found, Gateway, Journal, LastRun, Report, RunError, exporter};
use crate::host::LockGuard;
use crate::primitives::sentence;
use crate::tuf::UtcTime;

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
    let (files, paths) = (machine.files, &config.paths);
    let before = LastRun::load(files, paths);
    let ended = work(report);
    let now = UtcTime::from_clock(machine.clock.now());
    let mut last_run = LastRun::new(before.as_ref(), now, report, &ended);
    if let Err(warning) = exporter::export(gateway, &last_run) {
        report.warnings.push(warning);
        last_run = LastRun::new(before.as_ref(), now, report, &ended);
    }
    if let Some(before) = &before {
        report.error_repeated = before.told_lately(&last_run.message, now).is_some();
        let told = |warning: &&String| before.told_lately(warning, now).is_some();
        report.repeated = report.warnings.iter().filter(told).cloned().collect();
        report.recovered = last_run.recovery_from(before);
    }
    if let Err(error) = last_run.save(files, paths) {
        report.warnings.push(sentence(&error));
    }
    report.last_run = Some(last_run);
    ended
}
