//! The confirm window: the time in which a new generation has to prove healthy.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Journal;
use super::converge::converge;
use crate::bundle::Manifest;
use crate::primitives::{UnitId, error_chain};
use crate::reconcile::error::RunError;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::health::{self, Ask, Assessment};
use crate::reconcile::units::{Changes, Wanted, decide, observe};

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
) -> Result<Changes, String> {
    let (clock, events) = (gateway.machine.clock, gateway.events);
    let wanted = Wanted::of(manifest, &gateway.identity, gateway.owner);
    let begun = clock.boot().uptime;
    // It gets no longer than the window has left.
    let settling = journal.deadline().saturating_sub(begun).min(SETTLING);
    let stopped = journal.stopped_before();
    let mut failed = 0;
    let mut total = Changes::default();
    loop {
        let converged = converge(gateway, &wanted);
        total = total.and(&converged.changes.unwrap_or_default());
        let error = converged.result.err();
        let problems = error.as_ref().map(|error| error.problems(&stopped));
        let mut problems = problems.unwrap_or_default();
        if problems.is_empty() {
            let assessment = healthy(gateway, journal, &wanted, &stopped);
            let spent = clock.boot().uptime.saturating_sub(begun);
            if assessment.healthy && !(assessment.settling && spent < settling) {
                assessment.warnings.into_iter().for_each(|warning| events.warn(warning));
                events.warn_of(error.map_or(Ok(()), Err));
                return Ok(total);
            }
            problems =
                if assessment.healthy { assessment.warnings } else { assessment.waiting_for };
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
        events.progress(format!("waiting: {}", problems.join("; ")));
        clock.sleep(POLL);
    }
}

/// Whether all of it runs but what was `stopped` before, and what worked before still works.
fn healthy(
    gateway: &Gateway,
    journal: &Journal,
    wanted: &Wanted,
    stopped: &BTreeSet<UnitId>,
) -> Assessment {
    let Gateway { machine, config, .. } = gateway;
    // What was started may have ended again.
    let missing = match observe(machine, &config.paths) {
        Ok(seen) => {
            let steps = decide(&seen, wanted);
            steps.not_about(stopped).map(|step| format!("it needs again: {step}")).collect()
        }
        Err(error) => vec![error_chain(&RunError::Observe(error))],
    };
    if !missing.is_empty() {
        return Assessment { waiting_for: missing, ..Assessment::default() };
    }
    let left = journal.deadline().saturating_sub(machine.clock.boot().uptime);
    // It gets one look at least, also where doing what it asks for took all of its time.
    let limit = left.max(LOOK);
    let ask = Ask::Any { before: &journal.baseline };
    let now = health::measure(machine, config, wanted, ask, limit);
    // A unit that was changed has to have its process, unless it had none.
    let changed = journal.changed.difference(stopped).cloned().collect();
    health::assess(&journal.baseline, &now, &changed)
}
