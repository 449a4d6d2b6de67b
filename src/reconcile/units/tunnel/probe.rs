//! How tunnels are: the one place that asks, for a release as well as for people.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::OpenVpnFiles;
use crate::host::{EchoTarget, Probes, TunnelState};
use crate::primitives::Device;

/// What was observed of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::reconcile) struct Observation {
    /// What its process says.
    pub(in crate::reconcile) state: TunnelState,
    /// How long the far end's mesh address took to answer through it; `None` if it did not.
    pub(in crate::reconcile) round_trip: Option<Duration>,
}

/// Asks the process behind each tunnel, and the address at its far end, all at the same time and
/// none longer than `patience`. A tunnel without a process is not in `far_ends`.
pub(in crate::reconcile) fn observe(
    probes: &dyn Probes,
    files: &OpenVpnFiles,
    far_ends: &BTreeMap<Device, IpAddr>,
    patience: Duration,
) -> BTreeMap<Device, Observation> {
    let sockets: Vec<_> = far_ends.keys().map(|device| files.socket(*device)).collect();
    let target = |(device, address): (&Device, &IpAddr)| EchoTarget {
        address: *address,
        device: Some(*device),
    };
    let targets: Vec<_> = far_ends.iter().map(target).collect();
    let states = probes.tunnels(&sockets);
    let times = probes.echo(&targets, patience);
    let observations = states.into_iter().zip(times);
    let observation = |(state, round_trip)| Observation { state, round_trip };
    far_ends.keys().copied().zip(observations.map(observation)).collect()
}
