//! What happens on every gateway: enrolment, its configuration, the reconciler.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Deserialize;

use super::error::failed;
use super::substitute::substitute;
use super::{Lab, LabError, MeshFiles, gateway_netns, parallel, places};
use crate::host::{Command, Mode, ProcessError};
use crate::model::Mesh;
use crate::primitives::{Fingerprint, Name};

/// What is read of `tieline enroll --format json`.
#[derive(Deserialize)]
struct Enrolled {
    fingerprint: Fingerprint,
}

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
        let files = substitute(files, &self.fingerprints)
            .map_err(|gateway| LabError::Certificate { path: files.path.clone(), gateway })?;
        self.write_mesh(&files)?;
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

    /// This program on a gateway.
    pub(super) fn on_gateway(&self, gateway: &Name, arguments: &[&str]) -> Command {
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

/// Reads what a command printed as JSON.
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
