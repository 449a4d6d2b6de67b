//! Is a gateway as well as it was? No effect, no clock, no host.

use std::collections::BTreeSet;

use super::Health;
use crate::primitives::UnitId;
use crate::reconcile::units::{Level, UnitHealth};

/// How many units a warning names.
const SHOWN: usize = 5;

/// What is to be thought of a gateway after a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Whether everything that has to work works.
    pub healthy: bool,
    /// What has to work and does not, a clause each.
    pub waiting_for: Vec<String>,
    /// What does not work, and need not because of this change.
    pub warnings: Vec<String>,
    /// Whether a unit that worked was changed and does not work yet: it may in a moment, where
    /// the far end was there first or needs no change.
    pub settling: bool,
}

/// Compares what works now with what worked before. `changed` are the units that are new, gone or
/// made of something else than before.
///
/// - A unit has to work as it did before. One in `changed` has to have its process: whether the
///   far end answers depends on the far end, which gets the same release at another time. Two
///   gateways must not roll back against each other.
/// - Of the remotes that answered before, one has to answer: without it no correction comes.
/// - The administrator's checks that succeeded before have to succeed.
///
/// So what did not work before can never be the reason to go back.
#[must_use]
pub fn assess(before: &Health, now: &Health, changed: &BTreeSet<UnitId>) -> Assessment {
    let mut assessment = Assessment::default();
    let (mut silent, mut lost) = (Vec::new(), Vec::new());
    let ids: BTreeSet<_> = before.units.keys().chain(now.units.keys()).collect();
    for id in ids {
        let unit = Comparison {
            before: before.units.get(id),
            now: now.units.get(id),
            changed: changed.contains(id),
        };
        let peer = unit.now.or(unit.before).and_then(|of| of.peer.as_ref());
        let (kind, name) = (id.kind(), id.name());
        let far_end = || peer.map_or_else(|| id.to_string(), |peer| format!("{peer} ({name})"));
        match unit.finding() {
            Finding::Fine => {}
            Finding::Broken(what) => {
                let to = peer.map(|peer| format!(" to {peer}")).unwrap_or_default();
                assessment.waiting_for.push(format!("{kind} {name}{to} {what}"));
            }
            Finding::Silent => silent.push(far_end()),
            Finding::Lost => lost.push(far_end()),
        }
    }
    assessment.settling = !lost.is_empty();
    if let Some(who) = some(&silent) {
        assessment.warnings.push(format!("no answer from {who}, as before this release"));
    }
    if let Some(who) = some(&lost) {
        assessment.warnings.push(format!(
            "no answer yet from {who}: this release changes the tunnel, and the far end may have \
             to follow"
        ));
    }
    remotes(before, now, &mut assessment);
    for (check, _) in before.checks.iter().filter(|(_, succeeded)| **succeeded) {
        if now.checks.get(check) != Some(&true) {
            assessment.waiting_for.push(format!("the check {check} fails"));
        }
    }
    for (check, _) in now.checks.iter().filter(|(_, succeeded)| !**succeeded) {
        if before.checks.get(check) != Some(&true) {
            assessment.warnings.push(format!("the check {check} fails, as it did before"));
        }
    }
    assessment.healthy = assessment.waiting_for.is_empty();
    assessment
}

/// One unit, before and now.
struct Comparison<'a> {
    before: Option<&'a UnitHealth>,
    now: Option<&'a UnitHealth>,
    changed: bool,
}

/// What a comparison shows.
enum Finding {
    Fine,
    /// It has to work, and this is what is wrong.
    Broken(&'static str),
    /// It does not work, and did not before.
    Silent,
    /// It worked, was changed, and works less now.
    Lost,
}

impl Comparison<'_> {
    fn finding(&self) -> Finding {
        let level = |unit: Option<&UnitHealth>| unit.map_or(Level::Stopped, |of| of.level);
        let (before, now) = (level(self.before), level(self.now));
        let needed = self.needed(before);
        match (now < needed, needed) {
            (true, Level::Stopped | Level::Running) => Finding::Broken("has no process"),
            (true, Level::Up) => Finding::Broken("is not up"),
            (true, Level::Alive) => Finding::Broken("does not answer"),
            (false, _) if self.now.is_none() => Finding::Fine,
            (false, _) if self.changed && now < before => Finding::Lost,
            // The far end of one that is new is there when it is there.
            (false, _) if !self.changed && self.has_peer() && now < Level::Up => Finding::Silent,
            (false, _) => Finding::Fine,
        }
    }

    /// Whether there is anybody at its far end who could answer.
    fn has_peer(&self) -> bool {
        self.now.is_some_and(|unit| unit.peer.is_some())
    }

    /// The least that has to work of it.
    fn needed(&self, before: Level) -> Level {
        match (self.changed, self.now) {
            (true, None) => Level::Stopped,
            (true, Some(_)) => Level::Running,
            (false, _) => before,
        }
    }
}

/// The first few of many.
fn some(names: &[String]) -> Option<String> {
    let (first, more) = names.split_at_checked(SHOWN).unwrap_or((names, &[]));
    let first = first.join(", ");
    match more.len() {
        0 => (!first.is_empty()).then_some(first),
        count => Some(format!("{first} and {count} more")),
    }
}

fn remotes(before: &Health, now: &Health, assessment: &mut Assessment) {
    let answered: Vec<_> =
        before.remotes.iter().filter(|(_, answers)| **answers).map(|(remote, _)| remote).collect();
    let answers = |remote: &&String| now.remotes.get(*remote) == Some(&true);
    if answered.is_empty() || answered.iter().any(answers) {
        return;
    }
    let names: Vec<_> = answered.into_iter().map(String::as_str).collect();
    assessment.waiting_for.push(match names.as_slice() {
        [only] => format!("{only} does not answer"),
        all => format!("none of {} answers", all.join(", ")),
    });
}

#[cfg(test)]
mod tests;
