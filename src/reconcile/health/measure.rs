//! Measuring how well a gateway is.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Health;
use crate::host::{EchoTarget, Source};
use crate::reconcile::config::{Check, GatewayConfig};
use crate::reconcile::fetch::reaches;
use crate::reconcile::machine::Machine;
use crate::reconcile::units::{self, Wanted};

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
    /// Those that answered before, until one does: that is enough for [`assess`](super::assess()).
    Any {
        /// What was true before.
        before: &'a Health,
    },
}

/// Measures what works of what `wanted` asks for. Takes about a second where something does not
/// answer, and no longer than `limit`, or a little more.
#[must_use]
pub fn measure(
    machine: &Machine,
    config: &GatewayConfig,
    wanted: &Wanted,
    ask: Ask,
    limit: Duration,
) -> Health {
    Health {
        units: units::health(machine, &config.paths, wanted, limit.min(PATIENCE)),
        checks: checks(machine, &config.checks, limit.min(PATIENCE)),
        remotes: remotes(machine, config, ask, limit.min(REMOTE_PATIENCE)),
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
