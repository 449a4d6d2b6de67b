//! The tunnels of the lab, as its gateways report them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::error::failed;
use super::gateways::read;
use super::{Lab, LabError, Observer, TunnelReport, parallel};
use crate::primitives::{Device, Name};

/// How long to wait before tunnels are looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is read of `tieline status --format json`.
#[derive(Deserialize)]
struct Status {
    tunnels: Vec<StatusTunnel>,
}

#[derive(Deserialize)]
struct StatusTunnel {
    device: Device,
    peer: Name,
    state: String,
    process: Option<u32>,
}

impl StatusTunnel {
    fn up(&self) -> bool {
        self.state == "up"
    }
}

/// The process of every device of every gateway; `None` where there is none.
pub type ProcessIds = BTreeMap<Name, BTreeMap<Device, Option<u32>>>;

impl Lab<'_> {
    /// Waits until every tunnel that has a process at both ends is up, or `limit` has passed.
    pub fn tunnels(
        &self,
        limit: Duration,
        tunnels: &mut Vec<TunnelReport>,
        observer: &mut dyn Observer,
    ) -> Result<String, LabError> {
        let begun = Instant::now();
        loop {
            let status = self.status()?;
            *tunnels = between(&status, StatusTunnel::up);
            let possible = between(&status, |tunnel| tunnel.process.is_some());
            let count = |tunnels: &[TunnelReport]| tunnels.iter().filter(|t| t.up).count();
            let up = count(tunnels);
            if up == count(&possible) || begun.elapsed() > limit {
                return Ok(format!("{up} of {} are up", tunnels.len()));
            }
            observer.advance(up, tunnels.len());
            std::thread::sleep(PAUSE);
        }
    }

    /// The OpenVPN processes.
    pub fn processes(&self) -> Result<ProcessIds, LabError> {
        let devices = |status: Status| {
            status.tunnels.into_iter().map(|tunnel| (tunnel.device, tunnel.process)).collect()
        };
        let status = self.status()?;
        Ok(status.into_iter().map(|(gateway, status)| (gateway, devices(status))).collect())
    }

    /// What `tieline status` says on every gateway.
    fn status(&self) -> Result<BTreeMap<Name, Status>, LabError> {
        let gateways = self.gateways();
        let ask = |gateway: &Name| self.on_gateway(gateway, &["--format", "json", "status"]);
        let commands: Vec<_> = gateways.iter().map(ask).collect();
        let processes = self.host.processes;
        let results = parallel::each(&commands, |command| {
            let output = processes.run(command).map_err(failed("ask a gateway for its status"))?;
            read(command, &output.stdout)
        });
        gateways.into_iter().zip(results).map(|(gateway, status)| Ok((gateway, status?))).collect()
    }
}

/// Every tunnel that at least one end knows of. It counts as up if both ends do `hold`.
fn between(
    status: &BTreeMap<Name, Status>,
    hold: impl Fn(&StatusTunnel) -> bool,
) -> Vec<TunnelReport> {
    let ends = || {
        status.iter().flat_map(|(gateway, status)| {
            status.tunnels.iter().map(move |tunnel| (gateway, &tunnel.peer, tunnel))
        })
    };
    let good: BTreeSet<_> = ends()
        .filter(|(_, _, tunnel)| hold(tunnel))
        .map(|(gateway, peer, _)| (gateway, peer))
        .collect();
    let all: BTreeSet<_> =
        ends().map(|(gateway, peer, _)| (gateway.min(peer), gateway.max(peer))).collect();
    all.into_iter()
        .map(|(one, other)| TunnelReport {
            between: [one.clone(), other.clone()],
            up: good.contains(&(one, other)) && good.contains(&(other, one)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> BTreeMap<Name, Status> {
        serde_json::from_str::<BTreeMap<Name, Status>>(text).unwrap()
    }

    #[test]
    fn a_tunnel_is_up_if_both_ends_say_so() {
        let status = status(
            r#"{
              "a": {"tunnels": [
                {"device": "tl-2", "peer": "b", "state": "up", "process": 7},
                {"device": "tl-3", "peer": "c", "state": "up", "process": 8}
              ]},
              "b": {"tunnels": [{"device": "tl-1", "peer": "a", "state": "up", "process": 9}]},
              "c": {"tunnels": [{"device": "tl-1", "peer": "a", "state": "down", "process": null}]}
            }"#,
        );
        let tunnel = |other: &str, up| {
            let between = ["a", other].map(|name| name.parse().unwrap());
            TunnelReport { between, up }
        };
        let expected = [tunnel("b", true), tunnel("c", false)];
        assert_eq!(between(&status, StatusTunnel::up), expected);
    }

    #[test]
    fn a_tunnel_that_one_end_does_not_know_is_down() {
        let status = status(
            r#"{"a": {"tunnels": [{"device": "tl-2", "peer": "b", "state": "up", "process": 7}]},
                "b": {"tunnels": []}}"#,
        );
        let tunnels = between(&status, StatusTunnel::up);
        assert_eq!(tunnels.iter().map(|tunnel| tunnel.up).collect::<Vec<_>>(), [false]);
    }
}
