//! Gateways of a mesh in network namespaces of the test's own, with real OpenVPN: `gw-1`, `gw-2` …
//! on one underlay, each with its LAN.

#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use camino::Utf8Path;
use tieline::host::{RealClock, RealFiles};
use tieline::identity::enroll;
use tieline::model::{Endpoint, Mesh};
use tieline::primitives::{Digest, Fingerprint};

use super::mesh;
use super::releases::{Git, Repository, run};
use super::skip::skip;

/// Some gateways that can reach each other, and a git server they share.
pub struct Site {
    pub mesh: Mesh,
    pub repository: Repository,
    pub git: Git,
    gateways: Vec<Gateway>,
    underlay: String,
    directory: tempfile::TempDir,
}

/// One gateway.
pub struct Gateway {
    pub name: String,
    pub netns: String,
    pub directory: PathBuf,
}

/// The programs a site needs.
pub const TOOLS: &[&str] = &["git", "ip", "nft", "openvpn", "ping", "setpriv", "unshare"];

/// Whether this process is the machine's own root; says loudly that a test does not run where it
/// is not, and fails where that must not happen.
pub fn is_root() -> bool {
    let root = maps_everyone()
        && fs::metadata("/proc/self")
            .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        skip("it needs root, outside of any container");
    }
    root
}

/// Whether every user of the machine exists in this user namespace.
fn maps_everyone() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

impl Site {
    /// `count` gateways with key pairs, in a mesh of their own; nothing is published yet.
    pub fn new(count: u16) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let tag = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = tempfile::Builder::new().prefix("tl-").tempdir().unwrap();
        let repository = Repository::new(&directory.path().join("repository"), 1);
        let git = Git::new(&directory.path().join("mesh.git"));
        let underlay = format!("tl-{tag}-net");
        let mut site = Self {
            mesh: mesh::of(count),
            repository,
            git,
            gateways: Vec::new(),
            underlay,
            directory,
        };
        ip(&["netns", "add", &site.underlay]);
        ip(&["-n", &site.underlay, "link", "add", "net", "type", "bridge"]);
        ip(&["-n", &site.underlay, "link", "set", "net", "up"]);
        for n in 1..=count {
            site.add(n, &tag);
        }
        site
    }

    fn add(&mut self, n: u16, tag: &str) {
        let name = format!("gw-{n}");
        let gateway = Gateway {
            netns: format!("tl-{tag}-{n}"),
            directory: self.directory.path().join(&name),
            name,
        };
        let (netns, underlay) = (gateway.netns.as_str(), self.underlay.as_str());
        ip(&["netns", "add", netns]);
        let port = format!("port{n}");
        ip(&[
            "link", "add", "wan", "netns", netns, "type", "veth", "peer", "name", &port, "netns",
            underlay,
        ]);
        ip(&["-n", underlay, "link", "set", &port, "master", "net", "up"]);
        ip(&["-n", netns, "address", "add", &format!("203.0.0.{n}/24"), "dev", "wan"]);
        ip(&["-n", netns, "link", "add", "lan", "type", "bridge"]);
        ip(&["-n", netns, "address", "add", &format!("10.0.{n}.1/24"), "dev", "lan"]);
        for device in ["lo", "wan", "lan"] {
            ip(&["-n", netns, "link", "set", device, "up"]);
        }
        let fingerprint = gateway.provision(&self.git.url(), &self.repository.root());
        let entry = mesh::gateway(&mut self.mesh, n);
        entry.certificates = vec![fingerprint];
        entry.endpoint = Some(Endpoint::Address(format!("203.0.0.{n}").parse().unwrap()));
        self.gateways.push(gateway);
    }

    /// The network namespace between the gateways.
    pub fn underlay(&self) -> &str {
        &self.underlay
    }

    /// Gateway `gw-n`.
    pub fn gateway(&self, n: usize) -> &Gateway {
        &self.gateways[n - 1]
    }

    /// Signs and publishes a release of the mesh as it is now.
    pub fn release(&self) -> u64 {
        let number = self.repository.release(&mesh::numbered(&self.mesh), 30);
        self.publish();
        number
    }

    /// Publishes what is in the repository.
    pub fn publish(&self) {
        for gateway in &self.gateways {
            self.git.publish(&self.repository, &gateway.name);
        }
    }
}

impl Gateway {
    fn provision(&self, url: &str, root: &[u8]) -> Fingerprint {
        fs::create_dir(&self.directory).unwrap();
        let identity = self.directory.join("identity");
        let identity = Utf8Path::from_path(&identity).unwrap();
        let name = mesh::name(&self.name);
        let enrolled = enroll(&RealFiles, &RealClock, identity, &name).unwrap();
        fs::write(self.directory.join("root.json"), root).unwrap();
        self.configure(&[url.to_owned()], "");
        enrolled.fingerprint
    }

    /// Writes gateway.yaml.
    pub fn configure(&self, remotes: &[String], more: &str) {
        let place = self.directory.display();
        // Inside a user namespace there is only root.
        let user = if maps_everyone() { "openvpn_user: nobody\n" } else { "" };
        let text = format!(
            "gateway: {}\nmesh: test\nremotes: [{}]\nservices: direct\n{user}\
             fetch_deadline: 20\npaths:\n  root: {place}/root.json\n  identity: {place}/identity\n  \
             state: {place}/state\n  run: {place}/run\n{more}",
            self.name,
            remotes.join(", "),
        );
        fs::write(self.directory.join("gateway.yaml"), text).unwrap();
    }

    /// A command in the gateway's network namespace.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.netns, program]);
        command
    }

    /// `tieline reconcile`, in whatever `wrapper` runs it.
    pub fn reconcile_command(&self, wrapper: &[&str]) -> Command {
        let tieline = env!("CARGO_BIN_EXE_tieline");
        let line = [wrapper, &[tieline, "reconcile", "--config"]].concat();
        let mut command = self.command(line[0]);
        command.args(&line[1..]).arg(self.directory.join("gateway.yaml"));
        command
    }

    /// `tieline status`.
    pub fn status_command(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_tieline"));
        command.args(["status", "--config"]).arg(self.directory.join("gateway.yaml"));
        command
    }

    /// Runs the reconciler.
    pub fn reconcile(&self) -> Ended {
        Ended::from(self.reconcile_command(&[]).output().unwrap())
    }

    /// Runs the reconciler, which must succeed, and hands back what it says.
    pub fn converge(&self) -> String {
        let ended = self.reconcile();
        assert_eq!((ended.code, ended.stdout.as_str()), (0, ""), "{}", ended.stderr);
        ended.stderr
    }

    /// The process id of every tunnel that has a living process.
    pub fn processes(&self) -> BTreeMap<String, u32> {
        let Ok(entries) = fs::read_dir(self.directory.join("run/openvpn")) else {
            return BTreeMap::new();
        };
        let mut processes = BTreeMap::new();
        for entry in entries {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pid") {
                let pid: u32 = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                if !stat.is_empty() && !stat.contains(") Z ") {
                    processes.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), pid);
                }
            }
        }
        processes
    }

    /// Whether a packet from this gateway's LAN address reaches another's within `limit`.
    pub fn reaches(&self, from: &str, to: &str, limit: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < limit {
            let ping = self.command("ping").args(["-c", "1", "-W", "1", "-I", from, to]).output();
            if ping.unwrap().status.success() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        false
    }

    /// Everything below the state directory, except what a run may write without applying
    /// anything: trusted metadata, its own status, and the cache of git.
    pub fn state(&self) -> String {
        let mut text = String::new();
        let state = self.directory.join("state");
        list(&state, &state, &mut text);
        let left_out = ["metadata", "floor.json", "status.json", "git"];
        let kept = text.lines().filter(|line| {
            !left_out.iter().any(|name| line.split('/').nth(1).is_some_and(|n| n.starts_with(name)))
        });
        kept.collect::<Vec<_>>().join("\n")
    }

    /// The metadata it trusts, by file.
    pub fn trusted(&self) -> String {
        let mut text = String::new();
        let metadata = self.directory.join("state/metadata");
        list(&metadata, &metadata, &mut text);
        text
    }

    /// What the kernel has of ours, and which processes run.
    pub fn running(&self) -> String {
        let mut text = format!("{:?}\n", self.processes());
        for arguments in [&["-4", "-o", "address"][..], &["route", "show", "proto", "84"]] {
            let output = self.command("ip").args(arguments).output().unwrap();
            text.push_str(&String::from_utf8(output.stdout).unwrap());
        }
        let output = self.command("nft").args(["list", "ruleset"]).output().unwrap();
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        text
    }

    /// Takes everything away that a reboot takes away: processes, devices, the run directory.
    pub fn reboot(&self) {
        for pid in self.processes().values() {
            kill(*pid);
        }
        for device in self.devices() {
            ip(&["-n", &self.netns, "link", "delete", &device]);
        }
        run(self.command("nft").args(["flush", "ruleset"]));
        run(self.command("sh").args(["-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"]));
        fs::remove_dir_all(self.directory.join("run")).unwrap();
    }

    /// The tunnel devices there are.
    pub fn devices(&self) -> Vec<String> {
        let text = run(self.command("ip").args(["-o", "link", "show"]));
        let names = text.lines().filter_map(|line| line.split(": ").nth(1));
        names.filter(|name| name.starts_with("tl-")).map(str::to_owned).collect()
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for gateway in &self.gateways {
            for pid in gateway.processes().values() {
                kill(*pid);
            }
        }
        let namespaces = self.gateways.iter().map(|gateway| &gateway.netns);
        for netns in namespaces.chain([&self.underlay]) {
            let _ = Command::new("ip").args(["netns", "delete", netns]).status();
        }
    }
}

/// Ends a process as nothing else does, and waits until it is dead, if not buried.
pub fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let entry = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if entry.is_empty() || entry.contains(") Z ") {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ip(arguments: &[&str]) {
    run(Command::new("ip").args(arguments));
}

fn list(base: &Path, directory: &Path, text: &mut String) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let shown = path.strip_prefix(base).unwrap().display();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            writeln!(text, "/{shown} -> {}", target.display()).unwrap();
        } else if metadata.is_dir() {
            writeln!(text, "/{shown}/").unwrap();
            list(base, &path, text);
        } else {
            let digest = Digest::of(&fs::read(&path).unwrap());
            writeln!(text, "/{shown} {digest}").unwrap();
        }
    }
}
