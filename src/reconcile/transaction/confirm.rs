//! The confirm window: the time in which a new generation has to prove healthy.

use std::time::Duration;

use super::Journal;
use crate::bundle::Manifest;
use crate::primitives::sentence;
use crate::reconcile::converge::converge;
use crate::reconcile::health::Ask;
use crate::reconcile::{Changes, Gateway, Report, RunError, Wanted, decide, health, observe};

/// How long to wait before looking again.
const POLL: Duration = Duration::from_secs(1);

/// How long one look at everything may take at least.
const LOOK: Duration = Duration::from_secs(5);

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
    let mut failed = 0;
    let mut total = Changes::default();
    loop {
        let problems = match converge(gateway, &wanted, report) {
            Ok(changes) => {
                total = total.and(changes.unwrap_or_default());
                match healthy(gateway, journal, &wanted) {
                    Ok(warnings) => {
                        report.warnings.extend(warnings);
                        return Ok(total);
                    }
                    Err(problems) => problems,
                }
            }
            Err((changes, error)) => {
                total = total.and(changes.unwrap_or_default());
                let problems = error.problems();
                failed += 1;
                if failed == TRIES {
                    return Err(format!("tried {TRIES} times: {}", problems.join("; ")));
                }
                problems
            }
        };
        if clock.boot().uptime >= journal.deadline() {
            let window = gateway.config.confirm.window;
            return Err(format!("not healthy within {window} seconds: {}", problems.join("; ")));
        }
        report.steps.push(format!("waiting: {}", problems.join("; ")));
        clock.sleep(POLL);
    }
}

/// Whether all of it runs, and what worked before still works; with what is to be warned of, or
/// with what is missing.
fn healthy(
    gateway: &Gateway,
    journal: &Journal,
    wanted: &Wanted,
) -> Result<Vec<String>, Vec<String>> {
    let Gateway { machine, config, .. } = gateway;
    // What was started may have ended again.
    let seen = observe::observe(machine, &config.paths)
        .map_err(|error| vec![sentence(&RunError::Observe(error))])?;
    let missing = decide(&seen, wanted);
    if !missing.is_empty() {
        return Err(missing.iter().map(|step| format!("it needs again: {step}")).collect());
    }
    let left = journal.deadline().saturating_sub(machine.clock.boot().uptime);
    // It gets one look at least, also where doing what it asks for took all of its time.
    let limit = left.max(LOOK);
    let now = health::take(machine, config, wanted, Ask::Any { before: &journal.baseline }, limit);
    let verdict = health::judge(&journal.baseline, &now, &journal.changed);
    if verdict.healthy { Ok(verdict.warnings) } else { Err(verdict.waiting_for) }
}
