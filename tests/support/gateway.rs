//! A gateway in a network namespace, set up by hand from its bundle: what a reconciler will do.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tieline::bundle::{Manifest, Unit, unpack};
use tieline::primitives::{ArtifactSet, Device, Fingerprint};

use super::sandbox::{run, succeeds, wait};

/// A certificate and its key, in files.
pub struct Identity {
    pub fingerprint: Fingerprint,
    certificate: String,
    key: String,
}

impl Identity {
    pub fn new(directory: &Path, name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let file = |suffix: &str, content: String| {
            let path = directory.join(format!("{name}.{suffix}"));
            fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        Self {
            fingerprint: Fingerprint::of_der(made.cert.der()),
            certificate: file("crt", made.cert.pem()),
            key: file("key", made.signing_key.serialize_pem()),
        }
    }
}

/// One gateway: the network namespace of this name.
pub struct Gateway {
    pub name: String,
    identity: Identity,
    manifest: Manifest,
    files: ArtifactSet,
    processes: Vec<(Device, Child)>,
    directory: std::path::PathBuf,
}

impl Gateway {
    /// Takes the bundle apart, makes the devices and routes, loads the nftables table.
    pub fn set_up(directory: &Path, name: &str, identity: Identity, bundle: &[u8]) -> Self {
        let (manifest, files) = unpack(bundle).unwrap();
        let directory = directory.join(name);
        fs::create_dir(&directory).unwrap();
        for (path, content) in files.iter() {
            let path = directory.join(path.as_str());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let gateway = Self {
            name: name.to_owned(),
            identity,
            manifest,
            files,
            processes: Vec::new(),
            directory,
        };
        gateway.manifest.units.iter().for_each(|unit| gateway.apply(unit));
        gateway
    }

    fn apply(&self, unit: &Unit) {
        let netns = &self.name;
        match unit {
            Unit::Sysctl { settings } => {
                for (setting, value) in settings {
                    let key = serde_json::to_value(setting).unwrap();
                    let key = key.as_str().unwrap();
                    run(&format!("ip netns exec {netns} sysctl -qw {key}={value}"));
                }
            }
            Unit::Nftables { file } => {
                let file = self.directory.join(file.as_str());
                run(&format!("ip netns exec {netns} nft -f {}", file.display()));
            }
            Unit::Tunnel { device, local, remote, mtu, .. } => {
                run(&format!("ip -n {netns} tuntap add dev {device} mode tun user 0"));
                run(&format!("ip -n {netns} link set {device} mtu {mtu} up"));
                run(&format!("ip -n {netns} addr add {local} peer {remote} dev {device}"));
            }
            Unit::Routes { routes } => {
                for route in routes {
                    let (to, device, source) = (route.to, route.device, route.source);
                    run(&format!("ip -n {netns} route replace {to} dev {device} src {source}"));
                }
            }
        }
    }

    /// Has another certificate from now on.
    pub fn become_someone(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// Starts the process of every tunnel.
    pub fn start(&mut self) {
        let device = |unit: &Unit| match unit {
            Unit::Tunnel { device, .. } => Some(*device),
            _ => None,
        };
        let tunnels: Vec<_> = self.manifest.units.iter().filter_map(device).collect();
        for device in tunnels {
            self.start_tunnel(device);
        }
    }

    /// Starts the process of one tunnel, without any capability.
    pub fn start_tunnel(&mut self, device: Device) {
        let log = fs::File::options().create(true).append(true).open(self.log(device)).unwrap();
        let config = self.directory.join(format!("openvpn/{device}.conf"));
        let child = Command::new("ip")
            .args(["netns", "exec", &self.name])
            .args(["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
            .args(["openvpn", "--config", config.to_str().unwrap()])
            .args(["--cert", &self.identity.certificate, "--key", &self.identity.key])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.processes.push((device, child));
    }

    /// Kills the process of a tunnel as a crash would.
    pub fn kill(&mut self, device: Device) {
        let place = self.processes.iter().position(|(of, _)| *of == device).unwrap();
        let (_, mut child) = self.processes.swap_remove(place);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Whether this gateway, from its LAN address, gets an answer.
    pub fn pings(&self, address: &str) -> bool {
        succeeds(&format!("ip netns exec {} ping -c1 -W1 {address}", self.name))
    }

    /// Waits for an answer; fails with the logs of OpenVPN when none comes.
    pub fn must_ping(&self, address: &str, limit: Duration) {
        let answered = wait(limit, || self.pings(address));
        assert!(answered, "{} gets no answer from {address}:\n{}", self.name, self.logs());
    }

    /// What OpenVPN said.
    pub fn logs(&self) -> String {
        self.processes.iter().map(|(device, _)| self.log_of(*device)).collect()
    }

    /// What OpenVPN said about one tunnel.
    pub fn log_of(&self, device: Device) -> String {
        fs::read_to_string(self.log(device)).unwrap_or_default()
    }

    fn log(&self, device: Device) -> std::path::PathBuf {
        self.directory.join(format!("{device}.log"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for (_, child) in &mut self.processes {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Two namespaces with a cable between them.
pub fn cable(a: &str, device_a: &str, b: &str, device_b: &str) {
    run(&format!("ip link add {device_a} netns {a} type veth peer name {device_b} netns {b}"));
    run(&format!("ip -n {a} link set {device_a} up"));
    run(&format!("ip -n {b} link set {device_b} up"));
}

/// A network namespace.
pub fn netns(name: &str) {
    run(&format!("ip netns add {name}"));
    run(&format!("ip -n {name} link set lo up"));
}

/// Gives a device of a namespace an address.
pub fn address(netns: &str, device: &str, address: &str) {
    run(&format!("ip -n {netns} addr add {address} dev {device}"));
}
