//! What happens on every gateway: enrolment, its configuration, the reconciler, its tunnels.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use serde::Deserialize;

use super::error::failed;
use super::substitute::substitute;
use super::{Lab, LabError, MeshFiles, Observer, TunnelReport, gateway_netns, parallel, places};
use crate::host::{Command, Mode, ProcessError};
use crate::model::Mesh;
use crate::primitives::{Device, Fingerprint, Name};

/// How long to wait before tunnels are looked at again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is read of `tieline enroll --format json`.
#[derive(Deserialize)]
struct Enrolled {
    fingerprint: Fingerprint,
}

/// What is read of `tieline status --format json`.
#[derive(Deserialize)]
pub(super) struct Status {
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
    /// Makes key and certificate of every gateway that has none, and writes the lab's mesh.yaml
    /// with the fingerprints in place of those of the real gateways.
    pub fn enroll(&mut self, files: &MeshFiles, mesh: &Mesh) -> Result<String, LabError> {
        self.found(&mesh.name)?;
        let gateways = self.gateways();
        for gateway in &gateways {
            let text = self.gateway_yaml(gateway, mesh);
            let directory = places::gateway(gateway);
            self.host.files.create_dir(&directory)?;
            self.host.files.replace(
                &directory.join("gateway.yaml"),
                text.as_bytes(),
                Mode::Public,
            )?;
        }
        self.fingerprints.retain(|gateway, _| gateways.contains(gateway));
        let new: Vec<_> =
            gateways.into_iter().filter(|name| !self.fingerprints.contains_key(name)).collect();
        for gateway in &new {
            let text = self.gateway_yaml(gateway, mesh);
            let directory = places::gateway(gateway);
            self.host.files.create_dir(&directory)?;
            self.host.files.replace(
                &directory.join("gateway.yaml"),
                text.as_bytes(),
                Mode::Public,
            )?;
        }
        let program = self.tieline();
        let processes = self.host.processes;
        let enrolled = parallel::each(&new, |gateway| {
            let identity = places::gateway(gateway).join("id");
            let command = program
                .clone()
                .args(["--format", "json", "enroll", gateway.as_str()])
                .args(["--identity", identity.as_str()])
                .netns(gateway_netns(gateway));
            let output = processes.demand(&command).map_err(failed(format!("enroll {gateway}")))?;
            let enrolled: Enrolled = read(&command, &output)?;
            Ok::<_, LabError>((gateway.clone(), enrolled.fingerprint))
        });
        for result in enrolled {
            let (gateway, fingerprint) = result?;
            self.fingerprints.insert(gateway, fingerprint);
        }
        let text = substitute(&files.mesh, &self.fingerprints)
            .map_err(|gateway| LabError::Certificate { path: files.path.clone(), gateway })?;
        self.write_mesh(&text, files.lock.as_deref())?;
        Ok(match new.len() {
            0 => "every gateway is enrolled already".to_owned(),
            1 => "1 gateway enrolled; the lab's certificate stands in for the real one".to_owned(),
            count => format!(
                "{count} gateways enrolled; the lab's certificates stand in for the real ones"
            ),
        })
    }

    /// The configuration of one gateway: everything as on a real one, but for where things are.
    fn gateway_yaml(&self, gateway: &Name, mesh: &Mesh) -> String {
        let directory = places::gateway(gateway);
        let remote = self.remote();
        format!(
            "gateway: {gateway}\n\
             mesh: {}\n\
             remotes: [\"{remote}\"]\n\
             services: direct\n\
             paths:\n\
             \x20 root: {}\n\
             \x20 identity: {directory}/id\n\
             \x20 state: {directory}/state\n\
             \x20 run: {directory}/run\n{}",
            mesh.name,
            places::TRUSTED_ROOT,
            policy(mesh),
        )
    }

    fn on_gateway(&self, gateway: &Name, arguments: &[&str]) -> Command {
        let configuration = places::gateway(gateway).join("gateway.yaml");
        self.tieline()
            .args(arguments.iter().copied())
            .args(["--config", configuration.as_str()])
            .netns(gateway_netns(gateway))
    }

    /// Runs the reconciler on every gateway, side by side, and notes where it fails.
    pub fn reconcile(&self, failures: &mut BTreeMap<Name, String>) -> String {
        let gateways = self.gateways();
        let commands: Vec<_> =
            gateways.iter().map(|gateway| self.on_gateway(gateway, &["reconcile"])).collect();
        let processes = self.host.processes;
        let results = parallel::each(&commands, |command| processes.demand(command));
        for (gateway, result) in gateways.iter().zip(results) {
            match result {
                Ok(_) => {}
                // What it was run with helps nobody; it says itself what is wrong.
                Err(ProcessError::Failed { code, said, .. }) => {
                    let code =
                        code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
                    failures.insert(gateway.clone(), format!("{code}: {said}"));
                }
                Err(error) => {
                    failures.insert(gateway.clone(), error.to_string());
                }
            }
        }
        let (done, all) = (gateways.len() - failures.len(), gateways.len());
        format!("{done} of {all} gateways fetched, verified and applied it")
    }

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

/// What gateways accept routes to unless gateway.yaml says more (RFC 1918, RFC 4193).
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// The lines of gateway.yaml that a mesh with public addresses needs, which its administrators
/// have to write on every real gateway, too.
fn policy(mesh: &Mesh) -> String {
    let private: Vec<IpNet> = PRIVATE.iter().filter_map(|text| text.parse().ok()).collect();
    let networks = mesh.lans.values().flat_map(|lan| &lan.networks);
    let public: Vec<_> = networks
        .filter(|network| !private.iter().any(|private| private.contains(*network)))
        .map(ToString::to_string)
        .collect();
    if public.is_empty() {
        return String::new();
    }
    let allowed = [&PRIVATE.map(str::to_owned), public.as_slice()].concat().join("\", \"");
    format!("policy: {{ allowed_networks: [\"{allowed}\"] }}\n")
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

pub(super) fn read<'de, T: Deserialize<'de>>(
    command: &Command,
    output: &'de [u8],
) -> Result<T, LabError> {
    serde_json::from_slice(output)
        .map_err(|source| LabError::Output { command: command.to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resolve;
    use crate::spec::parse;

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

    #[test]
    fn gateways_are_told_of_public_addresses() {
        let mesh = |network: &str, more: &str| {
            let gateway = |address: &str, seed: &[u8]| {
                let fingerprint = Fingerprint::of_der(seed);
                format!("endpoint: none, address: {address}, certificates: [\"{fingerprint}\"]")
            };
            let text = format!(
                "mesh: m\ntunnels: {{ network: 172.19.0.0/16, ports: 11000-11999 }}\nlans:\n  a:\n    \
                 networks: [{network}/24]\n{more}    gateways: {{ a-gw: {{ {} }} }}\n",
                gateway(&network.replace(".0/24", ".1").replace(".0", ".1"), b"a")
            );
            resolve(parse(&text)).map(|resolved| policy(&resolved.mesh)).unwrap()
        };
        assert_eq!(mesh("192.168.7.0", ""), "");
        let policy = mesh("8.8.8.0", "    public-addresses: true\n");
        assert!(policy.contains("\"10.0.0.0/8\"") && policy.contains("\"8.8.8.0/24\""), "{policy}");
    }
}
