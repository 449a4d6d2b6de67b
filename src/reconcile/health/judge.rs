//! Is a gateway as well as it was? No effect, no clock, no host.

use std::collections::BTreeSet;

use super::{Health, Level, PeerHealth};
use crate::primitives::Device;

/// What is to be thought of a gateway after a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether everything that has to work works.
    pub healthy: bool,
    /// What has to work and does not, a clause each.
    pub waiting_for: Vec<String>,
    /// What does not work, and need not because of this change.
    pub warnings: Vec<String>,
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
    let devices: BTreeSet<_> = before.tunnels.keys().chain(now.tunnels.keys()).collect();
    for device in devices {
        let tunnel = Tunnel {
            device: *device,
            before: before.tunnels.get(device),
            now: now.tunnels.get(device),
            changed: changed.contains(device),
        };
        tunnel.judge(&mut verdict);
    }
    remotes(before, now, &mut verdict);
    for (check, _) in before.checks.iter().filter(|(_, succeeded)| **succeeded) {
        if now.checks.get(check) != Some(&true) {
            verdict.waiting_for.push(format!("the check {check} succeeds"));
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
    device: Device,
    before: Option<&'a PeerHealth>,
    now: Option<&'a PeerHealth>,
    changed: bool,
}

impl Tunnel<'_> {
    fn judge(&self, verdict: &mut Verdict) {
        let Some(peer) = self.now.or(self.before).map(|tunnel| &tunnel.peer) else { return };
        let device = self.device;
        let level = |tunnel: Option<&PeerHealth>| tunnel.map_or(Level::Stopped, |of| of.level);
        let (before, now) = (level(self.before), level(self.now));
        if now < self.needed(before) {
            let what = match self.needed(before) {
                Level::Stopped | Level::Running => "has its process",
                Level::Up => "is up",
                Level::Alive => "answers",
            };
            verdict.waiting_for.push(format!("tunnel {device} to {peer} {what}"));
        } else if self.now.is_some() && (now < Level::Up || now < before) {
            let why = if self.changed {
                "it is new or changed, and may have to wait for its far end"
            } else {
                "neither did it before"
            };
            verdict.warnings.push(format!("tunnel {device} to {peer} does not answer: {why}"));
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

fn remotes(before: &Health, now: &Health, verdict: &mut Verdict) {
    let answered: Vec<_> =
        before.remotes.iter().filter(|(_, answers)| **answers).map(|(remote, _)| remote).collect();
    let answers = |remote: &&String| now.remotes.get(*remote) == Some(&true);
    if answered.is_empty() || answered.iter().any(answers) {
        return;
    }
    let names: Vec<_> = answered.into_iter().map(String::as_str).collect();
    let which = if names.len() == 1 { "" } else { "one of " };
    verdict.waiting_for.push(format!("{which}{} answers", names.join(", ")));
}

#[cfg(test)]
mod tests;
