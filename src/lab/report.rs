//! What came of a lab, as data.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Pair, ProcessIds};
use crate::primitives::{Device, Name};

/// What `tieline lab run --format json` prints.
///
/// Format 1 is written by Tieline 0.1.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LabReport {
    /// The version of this format: 1.
    pub format: u32,
    /// The name of the mesh.
    pub mesh: Name,
    /// Whether every host reached every other in every round.
    pub good: bool,
    /// One round for the mesh, and one for each change of it.
    pub rounds: Vec<Round>,
}

/// What came of one mesh.yaml.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Round {
    /// The file.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// How many LANs it has.
    pub lans: usize,
    /// How many gateways it has.
    pub gateways: usize,
    /// How long each phase took.
    pub phases: Vec<PhaseTime>,
    /// Every tunnel.
    pub tunnels: Vec<TunnelReport>,
    /// Every ordered pair of hosts.
    pub pairs: Vec<Pair>,
    /// The OpenVPN process of every device of every gateway; null where there is none.
    pub processes: ProcessIds,
    /// What became of the processes of the round before.
    pub restarts: Restarts,
    /// Gateways whose reconciler failed, and what it said.
    pub failures: BTreeMap<Name, String>,
}

/// A part of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Namespaces and the wires between them.
    Wires,
    /// Keys of the release, and keys and certificates of gateways.
    Keys,
    /// `tieline lock`, `build`, `sign` and `publish`.
    Release,
    /// `tieline reconcile` on every gateway.
    Reconcile,
    /// Waiting until every tunnel is up.
    Tunnels,
    /// Pings between all hosts.
    Pings,
}

/// How long a phase took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// Its duration in seconds.
    pub seconds: f64,
}

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TunnelReport {
    /// The gateways at its ends, in the order of their names.
    pub between: [Name; 2],
    /// Whether both ends say that it is up.
    pub up: bool,
}

/// What became of processes that a change of the mesh did not concern.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Restarts {
    /// How many OpenVPN processes of the round before have a device in this round, too.
    pub of: usize,
    /// Those that are not the same process any more.
    pub restarted: Vec<Restarted>,
}

/// An OpenVPN process that was restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Restarted {
    /// Its gateway.
    pub gateway: Name,
    /// Its device.
    pub device: Device,
}

impl LabReport {
    /// The version of this format.
    pub const FORMAT: u32 = 1;

    /// The report of these rounds of a mesh.
    #[must_use]
    pub fn new(mesh: Name, rounds: Vec<Round>) -> Self {
        let good = rounds.iter().all(Round::good);
        Self { format: Self::FORMAT, mesh, good, rounds }
    }

    /// Its JSON Schema, as in `schema/lab.schema.json`.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

impl Round {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn good(&self) -> bool {
        self.failures.is_empty()
            && self.answering() == self.pairs.len()
            && self.tunnels_up() == self.tunnels.len()
    }

    /// How many ordered pairs of hosts answer.
    #[must_use]
    pub fn answering(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.answers()).count()
    }

    /// How many tunnels are up.
    #[must_use]
    pub fn tunnels_up(&self) -> usize {
        self.tunnels.iter().filter(|tunnel| tunnel.up).count()
    }

    /// How long all phases took, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.phases.iter().map(|phase| phase.seconds).sum()
    }
}

impl Restarts {
    /// Compares the processes of two rounds.
    #[must_use]
    pub fn between(before: &ProcessIds, after: &ProcessIds) -> Self {
        let mut restarts = Self::default();
        for (gateway, devices) in before {
            let Some(now) = after.get(gateway) else { continue };
            for (device, pid) in devices.iter().filter(|(_, pid)| pid.is_some()) {
                let Some(same) = now.get(device).map(|now| now == pid) else { continue };
                restarts.of += 1;
                if !same {
                    let (gateway, device) = (gateway.clone(), *device);
                    restarts.restarted.push(Restarted { gateway, device });
                }
            }
        }
        restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Devices<'a> = &'a [(&'a str, Option<u32>)];

    fn ids(gateways: &[(&str, Devices)]) -> ProcessIds {
        let devices = |devices: Devices| {
            devices.iter().map(|&(device, id)| (device.parse().unwrap(), id)).collect()
        };
        gateways.iter().map(|&(name, all)| (name.parse().unwrap(), devices(all))).collect()
    }

    #[test]
    fn counts_what_should_have_stayed_and_did_not() {
        let before = ids(&[
            ("a", &[("tl-2", Some(7)), ("tl-3", Some(8)), ("tl-4", None)]),
            ("b", &[("tl-1", Some(9))]),
            ("gone", &[("tl-1", Some(10))]),
        ]);
        let after = ids(&[
            // tl-3 was restarted, tl-4 had no process to keep, tl-5 is new.
            ("a", &[("tl-2", Some(7)), ("tl-3", Some(18)), ("tl-4", Some(19)), ("tl-5", Some(20))]),
            // Its process died.
            ("b", &[("tl-1", None)]),
        ]);
        let restarted = |gateway: &str, device: &str| Restarted {
            gateway: gateway.parse().unwrap(),
            device: device.parse().unwrap(),
        };
        let expected =
            Restarts { of: 3, restarted: vec![restarted("a", "tl-3"), restarted("b", "tl-1")] };
        assert_eq!(Restarts::between(&before, &after), expected);
    }
}
