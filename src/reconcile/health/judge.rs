//! Is a gateway as well as it was? No effect, no clock, no host.

use std::collections::BTreeSet;

use super::{Health, Level, PeerHealth};
use crate::primitives::Device;

/// How many tunnels a warning names.
const SHOWN: usize = 5;

/// What is to be thought of a gateway after a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether everything that has to work works.
    pub healthy: bool,
    /// What has to work and does not, a clause each.
    pub waiting_for: Vec<String>,
    /// What does not work, and need not because of this change.
    pub warnings: Vec<String>,
    /// Whether a tunnel that worked was changed and does not work yet: it may in a moment, where
    /// the far end was there first or needs no change.
    pub settling: bool,
}

/// Compares what works now with what worked before. `changed` are the tunnels that are new, gone or
/// made of something else than before.
///
/// - A tunnel has to work as it did before. One in `changed` has to have its process: whether the
///   far end answers depends on the far end, which gets the same release at another time. Two
///   gateways must not roll back against each other.
/// - Of the remotes that answered before, one has to answer: without it no correction comes.
/// - The administrator's checks that succeeded before have to succeed.
///
/// So what did not work before can never be the reason to go back.
#[must_use]
pub fn judge(before: &Health, now: &Health, changed: &BTreeSet<Device>) -> Verdict {
    let mut verdict = Verdict::default();
    let (mut silent, mut lost) = (Vec::new(), Vec::new());
    let devices: BTreeSet<_> = before.tunnels.keys().chain(now.tunnels.keys()).collect();
    for device in devices {
        let tunnel = Tunnel {
            before: before.tunnels.get(device),
            now: now.tunnels.get(device),
            changed: changed.contains(device),
        };
        let Some(peer) = tunnel.now.or(tunnel.before).map(|of| &of.peer) else { continue };
        match tunnel.opinion() {
            Opinion::Fine => {}
            Opinion::Broken(what) => {
                verdict.waiting_for.push(format!("tunnel {device} to {peer} {what}"));
            }
            Opinion::Silent => silent.push(format!("{peer} ({device})")),
            Opinion::Lost => lost.push(format!("{peer} ({device})")),
        }
    }
    verdict.settling = !lost.is_empty();
    if let Some(who) = some(&silent) {
        verdict.warnings.push(format!("no answer from {who}, as before this release"));
    }
    if let Some(who) = some(&lost) {
        verdict.warnings.push(format!(
            "no answer yet from {who}: this release changes the tunnel, and the far end may have \
             to follow"
        ));
    }
    remotes(before, now, &mut verdict);
    for (check, _) in before.checks.iter().filter(|(_, succeeded)| **succeeded) {
        if now.checks.get(check) != Some(&true) {
            verdict.waiting_for.push(format!("the check {check} fails"));
        }
    }
    for (check, _) in now.checks.iter().filter(|(_, succeeded)| !**succeeded) {
        if before.checks.get(check) != Some(&true) {
            verdict.warnings.push(format!("the check {check} fails, as it did before"));
        }
    }
    verdict.healthy = verdict.waiting_for.is_empty();
    verdict
}

/// One tunnel, before and now.
struct Tunnel<'a> {
    before: Option<&'a PeerHealth>,
    now: Option<&'a PeerHealth>,
    changed: bool,
}

/// What is to be thought of one tunnel.
enum Opinion {
    Fine,
    /// It has to work, and this is what is wrong.
    Broken(&'static str),
    /// It does not work, and did not before.
    Silent,
    /// It worked, was changed, and works less now.
    Lost,
}

impl Tunnel<'_> {
    fn opinion(&self) -> Opinion {
        let level = |tunnel: Option<&PeerHealth>| tunnel.map_or(Level::Stopped, |of| of.level);
        let (before, now) = (level(self.before), level(self.now));
        let needed = self.needed(before);
        match (now < needed, needed) {
            (true, Level::Stopped | Level::Running) => Opinion::Broken("has no process"),
            (true, Level::Up) => Opinion::Broken("is not up"),
            (true, Level::Alive) => Opinion::Broken("does not answer"),
            (false, _) if self.now.is_none() => Opinion::Fine,
            (false, _) if self.changed && now < before => Opinion::Lost,
            // The far end of one that is new is there when it is there.
            (false, _) if !self.changed && now < Level::Up => Opinion::Silent,
            (false, _) => Opinion::Fine,
        }
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

fn remotes(before: &Health, now: &Health, verdict: &mut Verdict) {
    let answered: Vec<_> =
        before.remotes.iter().filter(|(_, answers)| **answers).map(|(remote, _)| remote).collect();
    let answers = |remote: &&String| now.remotes.get(*remote) == Some(&true);
    if answered.is_empty() || answered.iter().any(answers) {
        return;
    }
    let names: Vec<_> = answered.into_iter().map(String::as_str).collect();
    verdict.waiting_for.push(match names.as_slice() {
        [only] => format!("{only} does not answer"),
        all => format!("none of {} answers", all.join(", ")),
    });
}

#[cfg(test)]
mod tests;
