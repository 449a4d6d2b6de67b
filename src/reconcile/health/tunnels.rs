//! How the tunnels are: the one place that asks, for a release as well as for people.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::host::{EchoTarget, Probes, TunnelFiles, TunnelState};
use crate::primitives::Device;

/// What was seen of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelSight {
    /// What its process says.
    pub state: TunnelState,
    /// How long the far end's mesh address took to answer through it; `None` if it did not.
    pub round_trip: Option<Duration>,
}

/// Asks the process behind each tunnel, and the address at its far end, all at the same time and
/// none longer than `patience`. A tunnel without a process is not in `far_ends`.
#[must_use]
pub fn tunnels(
    probes: &dyn Probes,
    files: &TunnelFiles,
    far_ends: &BTreeMap<Device, IpAddr>,
    patience: Duration,
) -> BTreeMap<Device, TunnelSight> {
    let sockets: Vec<_> = far_ends.keys().map(|device| files.socket(*device)).collect();
    let target = |(device, address): (&Device, &IpAddr)| EchoTarget {
        address: *address,
        device: Some(*device),
    };
    let targets: Vec<_> = far_ends.iter().map(target).collect();
    let states = probes.tunnels(&sockets);
    let times = probes.echo(&targets, patience);
    let sights = states.into_iter().zip(times);
    let sight = |(state, round_trip)| TunnelSight { state, round_trip };
    far_ends.keys().copied().zip(sights.map(sight)).collect()
}
