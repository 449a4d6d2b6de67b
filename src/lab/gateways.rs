//! What happens on every gateway: enrolment, its configuration, the reconciler, its tunnels.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::error::failed;
use super::substitute::substitute;
use super::{Lab, LabError, MeshFiles, TunnelReport, gateway_netns, parallel, places};
use crate::host::{Command, Mode};
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
             \x20 run: {directory}/run\n",
            mesh.name,
            places::TRUSTED_ROOT,
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
            if let Err(error) = result {
                failures.insert(gateway.clone(), error.to_string());
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

pub(super) fn read<'de, T: Deserialize<'de>>(
    command: &Command,
    output: &'de [u8],
) -> Result<T, LabError> {
    serde_json::from_slice(output)
        .map_err(|source| LabError::Output { command: command.to_string(), source })
}
