//! Who answers in memory.

use std::net::SocketAddr;
use std::time::Duration;

use camino::Utf8PathBuf;
use time::macros::datetime;

use super::Fake;
use crate::host::{EchoTarget, Probes, TunnelState};
use crate::primitives::{Device, UnitId};

/// What a process or an address that answers takes for it.
const ANSWER: Duration = Duration::from_millis(1);

impl Probes for Fake {
    /// Tunnels with a process are up, unless their far end is among the silent.
    fn tunnels(&self, sockets: &[Utf8PathBuf]) -> Vec<TunnelState> {
        let state = |socket: &Utf8PathBuf| {
            let device: Option<Device> = socket.file_stem().and_then(|stem| stem.parse().ok());
            let process = |device: Device| UnitId::new("tunnel", &device);
            self.with(|world| match device {
                Some(device) if !world.processes.contains_key(&process(device)) => {
                    TunnelState::Silent
                }
                Some(device) if world.answers(device) => {
                    TunnelState::Connected { since: datetime!(2030-01-01 11:00 UTC) }
                }
                _ => TunnelState::Connecting { state: "WAIT".to_owned() },
            })
        };
        sockets.iter().map(state).collect()
    }

    /// Through a tunnel, its far end answers; otherwise whoever is not among the silent.
    fn echo(&self, targets: &[EchoTarget], _: Duration) -> Vec<Option<Duration>> {
        let answers = |target: &EchoTarget| {
            self.with(|world| match target.device {
                Some(device) => world.answers(device),
                None => !world.silent.contains(&target.address),
            })
        };
        targets.iter().map(|target| answers(target).then_some(ANSWER)).collect()
    }

    fn connect(&self, addresses: &[SocketAddr], _: Duration) -> Vec<bool> {
        let answers =
            |address: &SocketAddr| self.with(|world| !world.silent.contains(&address.ip()));
        addresses.iter().map(answers).collect()
    }
}
