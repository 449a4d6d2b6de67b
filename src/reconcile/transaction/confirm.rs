//! The confirm window: the time in which a new generation has to prove healthy.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Journal;
use crate::bundle::Manifest;
use crate::primitives::{Device, sentence};
use crate::reconcile::converge::converge;
use crate::reconcile::execute::device_of;
use crate::reconcile::health::{Ask, Verdict};
use crate::reconcile::{Changes, Gateway, Report, RunError, Step, Wanted, decide, health, observe};

/// How long to wait before looking again.
const POLL: Duration = Duration::from_secs(1);

/// How long one look at everything may take at least.
const LOOK: Duration = Duration::from_secs(5);

/// How long to look on where all that has to work works, and a tunnel that was changed may work in
/// a moment, too.
const SETTLING: Duration = Duration::from_secs(5);

/// How often steps that fail are tried: what fails for good is not waited for.
pub(super) const TRIES: u32 = 3;

/// Does what a generation asks for, and waits until it runs and the gateway is as healthy as it
/// was before. It is looked at once at least, however late it is. The error is a sentence about
/// what is wrong.
pub(super) fn confirm(
    gateway: &Gateway,
    journal: &Journal,
    manifest: &Manifest,
    report: &mut Report,
) -> Result<Changes, String> {
    let clock = gateway.machine.clock;
    let wanted = Wanted::of(manifest, &gateway.identity, gateway.owner);
    let begun = clock.boot().uptime;
    // It gets no longer than the window has left.
    let settling = journal.deadline().saturating_sub(begun).min(SETTLING);
    let dead = journal.dead_before();
    let mut failed = 0;
    let mut total = Changes::default();
    loop {
        let (changes, error) = match converge(gateway, &wanted, report) {
            Ok(changes) => (changes, None),
            Err((changes, error)) => (changes, Some(error)),
        };
        total = total.and(changes.unwrap_or_default());
        let mut problems = error.as_ref().map(|error| error.problems(&dead)).unwrap_or_default();
        if problems.is_empty() {
            let verdict = healthy(gateway, journal, &wanted, &dead);
            let spent = clock.boot().uptime.saturating_sub(begun);
            if verdict.healthy && !(verdict.settling && spent < settling) {
                report.warnings.extend(verdict.warnings);
                report.warnings.extend(error.map(|error| sentence(&error)));
                return Ok(total);
            }
            problems = if verdict.healthy { verdict.warnings } else { verdict.waiting_for };
        } else {
            failed += 1;
            if failed == TRIES {
                return Err(format!("tried {TRIES} times: {}", problems.join("; ")));
            }
        }
        if clock.boot().uptime >= journal.deadline() {
            let window = gateway.config.confirm.window;
            return Err(format!("not healthy within {window} seconds: {}", problems.join("; ")));
        }
        report.steps.push(format!("waiting: {}", problems.join("; ")));
        clock.sleep(POLL);
    }
}

/// Whether all of it runs but the `dead`, and what worked before still works.
fn healthy(
    gateway: &Gateway,
    journal: &Journal,
    wanted: &Wanted,
    dead: &BTreeSet<Device>,
) -> Verdict {
    let Gateway { machine, config, .. } = gateway;
    // What was started may have ended again.
    let missing = match observe::observe(machine, &config.paths) {
        Ok(seen) => {
            let steps = decide(&seen, wanted);
            let counts = |step: &&Step| device_of(step).is_none_or(|of| !dead.contains(&of));
            let missing = steps.iter().filter(counts);
            missing.map(|step| format!("it needs again: {step}")).collect()
        }
        Err(error) => vec![sentence(&RunError::Observe(error))],
    };
    if !missing.is_empty() {
        return Verdict { waiting_for: missing, ..Verdict::default() };
    }
    let left = journal.deadline().saturating_sub(machine.clock.boot().uptime);
    // It gets one look at least, also where doing what it asks for took all of its time.
    let limit = left.max(LOOK);
    let now = health::take(machine, config, wanted, Ask::Any { before: &journal.baseline }, limit);
    // A tunnel that was changed has to have its process, unless it had none.
    let changed = journal.changed.difference(dead).copied().collect();
    health::judge(&journal.baseline, &now, &changed)
}
