//! Taking a gateway's health.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Check, Health, Level, PeerHealth, TunnelSight, tunnels};
use crate::host::{EchoTarget, Source, TunnelState};
use crate::reconcile::served::reaches;
use crate::reconcile::{GatewayConfig, Machine, Wanted};

/// How long tunnels, checks and the addresses they name have for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a remote has for being reached.
const REMOTE_PATIENCE: Duration = Duration::from_secs(5);

/// Which remotes are asked.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// All that gateway.yaml names: what is true before a change. One of them may be known to
    /// answer, because a release has just come from it.
    All {
        /// The one that is known to answer.
        answered: Option<&'a Source>,
    },
    /// Those that answered before, until one does: that is enough for [`judge`](super::judge).
    Any {
        /// What was true before.
        before: &'a Health,
    },
}

/// Looks what works of what `wanted` asks for. Takes about a second where something does not
/// answer, and no longer than `limit`, or a little more.
#[must_use]
pub fn take(
    machine: &Machine,
    config: &GatewayConfig,
    wanted: &Wanted,
    ask: Ask,
    limit: Duration,
) -> Health {
    Health {
        tunnels: peers(machine, config, wanted, limit.min(PATIENCE)),
        checks: checks(machine, &config.checks, limit.min(PATIENCE)),
        remotes: remotes(machine, config, ask, limit.min(REMOTE_PATIENCE)),
    }
}

fn peers(
    machine: &Machine,
    config: &GatewayConfig,
    wanted: &Wanted,
    patience: Duration,
) -> BTreeMap<crate::primitives::Device, PeerHealth> {
    // What cannot be seen counts as not there.
    let running = machine.services.running().unwrap_or_default();
    let far_ends = wanted.tunnels.iter().filter(|(device, _)| running.contains_key(device));
    let far_ends = far_ends.map(|(device, tunnel)| (*device, tunnel.link.remote)).collect();
    let sights = tunnels(machine.probes, &config.paths.tunnels(), &far_ends, patience);
    let health = wanted.tunnels.iter().map(|(device, tunnel)| {
        let level = level(sights.get(device));
        (*device, PeerHealth { peer: tunnel.peer.clone(), level })
    });
    health.collect()
}

fn level(sight: Option<&TunnelSight>) -> Level {
    match sight {
        None => Level::Stopped,
        // Whatever its process says, or if it is too busy to say anything.
        Some(TunnelSight { round_trip: Some(_), .. }) => Level::Alive,
        Some(TunnelSight { state: TunnelState::Connected { .. }, .. }) => Level::Up,
        Some(_) => Level::Running,
    }
}

fn checks(machine: &Machine, checks: &[Check], patience: Duration) -> BTreeMap<String, bool> {
    let (mut names, mut targets, mut addresses) =
        ((Vec::new(), Vec::new()), Vec::new(), Vec::new());
    for check in checks {
        match check {
            Check::Ping(address) => {
                names.0.push(check.to_string());
                targets.push(EchoTarget { address: *address, device: None });
            }
            Check::Tcp(address) => {
                names.1.push(check.to_string());
                addresses.push(*address);
            }
        }
    }
    let pings = machine.probes.echo(&targets, patience).into_iter().map(|time| time.is_some());
    let connections = machine.probes.connect(&addresses, patience);
    names.0.into_iter().zip(pings).chain(names.1.into_iter().zip(connections)).collect()
}

fn remotes(
    machine: &Machine,
    config: &GatewayConfig,
    ask: Ask,
    deadline: Duration,
) -> BTreeMap<String, bool> {
    let answers = |remote: &Source| reaches(machine, config, remote, deadline);
    let mut found = BTreeMap::new();
    for remote in &config.remotes {
        let url = remote.to_string();
        let answers = match ask {
            Ask::All { answered } => answered == Some(remote) || answers(remote),
            Ask::Any { before } if before.remotes.get(&url) == Some(&true) => answers(remote),
            Ask::Any { .. } => continue,
        };
        found.insert(url, answers);
        if answers && matches!(ask, Ask::Any { .. }) {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests;
