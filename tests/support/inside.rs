//! A test that runs inside the lab: `tieline lab run` builds the mesh and then runs the test, which
//! is free to break what it likes. Gateways have `gw-1` …, their LANs are `lan-1` … with 10.1.n.0/24.

#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tieline::primitives::Fingerprint;

use super::gateways::Ended;
use super::lab::{Bench, UNAVAILABLE, User};
use super::releases::run;
use super::skip::skip;

/// Names the file that the test writes when it runs inside, so that one that was not found counts
/// as failed.
const INSIDE: &str = "TIELINE_TEST_INSIDE_LAB";

/// Where the lab keeps what its administrators have, and its git server.
const ADMIN: &str = "/run/admin";
const GIT: &str = "/run/git";

/// An address of the git server's own that a mesh can claim: gateways fetch from it.
pub const GIT_ADDRESS: &str = "10.77.0.1";

/// Runs `body` in a lab of `count` LANs. `test` is the full name of the test that calls this: it
/// is started again inside.
pub fn enter(test: &str, count: usize, body: impl FnOnce(&Inside)) {
    if let Some(ran) = std::env::var_os(INSIDE) {
        fs::write(ran, "").unwrap();
        return body(&Inside::new(count));
    }
    let bench = Bench::new(User::Same);
    let ran = bench.temporary().join("ran");
    let file = bench.mesh("mesh.yaml", &mesh(count));
    let exe = std::env::current_exe().unwrap();
    let variable = format!("{INSIDE}={}", ran.display());
    let inside = ["env", &variable, exe.to_str().unwrap(), "--exact", test];
    let lab = ["--quiet", file, "--"];
    let arguments = [&lab[..], &inside, &["--nocapture", "--include-ignored"]].concat();
    let status = bench.command(&arguments).status().unwrap();
    if status.code() == Some(UNAVAILABLE) {
        return skip("no lab was built: this machine has no place for one");
    }
    assert!(status.success(), "{test} failed inside the lab");
    assert!(ran.exists(), "no test is called {test}");
}

/// A mesh of so many LANs. The lab replaces the certificates.
fn mesh(count: usize) -> String {
    let mut text =
        "mesh: test\ntunnels: { network: 172.19.0.0/16, ports: 11000-11999 }\nlans:\n".to_owned();
    for n in 1..=count {
        text.push_str(&lan(n));
    }
    text
}

/// The entry of LAN `lan-n` with gateway `gw-n`, which need not exist.
pub fn lan(n: usize) -> String {
    let certificate = Fingerprint::of_der(format!("gw-{n}").as_bytes());
    format!(
        "  lan-{n}:\n    networks: [10.1.{n}.0/24]\n    gateways:\n      gw-{n}:\n        endpoint: \
         gw-{n}.example.net\n        address: 10.1.{n}.1\n        certificates: [\"{certificate}\"]\n"
    )
}

/// The lab, seen from inside.
pub struct Inside {
    count: usize,
    /// The administrators' directory.
    admin: PathBuf,
    git: Mutex<Option<Child>>,
}

impl Inside {
    fn new(count: usize) -> Self {
        // The git server's own address, which no LAN of the mesh has yet.
        let wire =
            run(Command::new("ip").args(["-n", "git", "-o", "-4", "address", "show", "wan"]));
        let first = wire.split_whitespace().nth(3).unwrap().trim_end_matches("/32").to_owned();
        let number: std::net::Ipv4Addr = first.parse().unwrap();
        let port = format!("x{:08x}", number.to_bits());
        ip(&["-n", "git", "address", "add", &format!("{GIT_ADDRESS}/32"), "dev", "wan"]);
        ip(&["-n", "internet", "route", "add", &format!("{GIT_ADDRESS}/32"), "dev", &port]);
        let inside = Self { count, admin: ADMIN.into(), git: Mutex::default() };
        inside.start_git();
        for n in 1..=count {
            inside.configure(n, "");
        }
        inside
    }

    /// Starts the git server that gateways use.
    pub fn start_git(&self) {
        let daemon = Command::new("ip")
            .args(["netns", "exec", "git", "git", "daemon", "--export-all", "--reuseaddr"])
            .args([&format!("--base-path={GIT}"), &format!("--listen={GIT_ADDRESS}"), GIT])
            .process_group(0)
            .stderr(Stdio::null())
            .spawn();
        *self.git.lock().unwrap() = Some(daemon.unwrap());
        let url = format!("git://{GIT_ADDRESS}/mesh.git");
        wait_for("the git server answers", Duration::from_secs(20), || {
            // Gateways may have lost the way to it.
            let list = ["netns", "exec", "git", "git", "ls-remote", &url];
            Command::new("ip").args(list).output().unwrap().status.success()
        });
    }

    /// Kills the git server, in the middle of whatever it does.
    pub fn stop_git(&self) {
        if let Some(mut daemon) = self.git.lock().unwrap().take() {
            kill_group(daemon.id());
            let _ = daemon.wait();
        }
    }

    /// Has gateway `gw-n` fetch from the git server's own address, and appends to its
    /// gateway.yaml.
    pub fn configure(&self, n: usize, more: &str) {
        let path = format!("{}/gateway.yaml", self.directory(n));
        let text = fs::read_to_string(&path).unwrap();
        let ours = ["remotes:", "confirm:", "fetch_deadline:"];
        let kept = text.lines().filter(|line| !ours.iter().any(|key| line.starts_with(key)));
        let mut text: String = kept.flat_map(|line| [line, "\n"]).collect();
        writeln!(text, "remotes: [\"git://{GIT_ADDRESS}/mesh.git\"]").unwrap();
        fs::write(&path, text + more).unwrap();
    }

    /// The directory of gateway `gw-n`.
    pub fn directory(&self, n: usize) -> String {
        assert!(n <= self.count, "there is no gw-{n}");
        format!("/run/gw/gw-{n}")
    }

    /// The administrators' mesh.yaml.
    pub fn mesh(&self) -> String {
        fs::read_to_string(self.admin.join("mesh.yaml")).unwrap()
    }

    /// Signs and publishes a release of this mesh, and says its number.
    pub fn release(&self, mesh: &str) -> u64 {
        fs::write(self.admin.join("mesh.yaml"), mesh).unwrap();
        let remote = format!("file://{GIT}/mesh.git");
        for line in ["lock", "build", "sign --yes --key release.pem", &format!("publish {remote}")]
        {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
            command.args(line.split(' ')).current_dir(&self.admin).env("HOME", &self.admin);
            run(&mut command);
        }
        let stored = self.admin.join("repository/metadata/timestamp.json");
        let timestamp: Value = serde_json::from_str(&fs::read_to_string(stored).unwrap()).unwrap();
        timestamp["signed"]["meta"]["snapshot.json"]["version"].as_u64().unwrap()
    }

    /// A program in the network namespace of gateway `gw-n`.
    pub fn on_gateway(&self, n: usize, program: &[&str]) -> Command {
        assert!(n <= self.count, "there is no gw-{n}");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("gateway-gw-{n}")]).args(program);
        command
    }

    /// `tieline` with these arguments on gateway `gw-n`.
    pub fn tieline(&self, n: usize, arguments: &[&str]) -> Command {
        let mut command = self.on_gateway(n, &[env!("CARGO_BIN_EXE_tieline")]);
        command.args(arguments);
        command.args(["--config", &format!("{}/gateway.yaml", self.directory(n))]);
        command
    }

    /// Runs the reconciler on gateway `gw-n`.
    pub fn reconcile(&self, n: usize) -> Ended {
        Ended::from(self.tieline(n, &["reconcile"]).output().unwrap())
    }

    /// Runs the reconciler, which must succeed, and hands back what it says.
    pub fn converge(&self, n: usize) -> String {
        let ended = self.reconcile(n);
        assert_eq!(ended.code, 0, "gw-{n}: {}", ended.stderr);
        ended.stderr
    }

    /// Starts the reconciler in a process group of its own.
    pub fn start(&self, n: usize) -> Child {
        let mut command = self.tieline(n, &["reconcile"]);
        command.process_group(0).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What `tieline status` says on gateway `gw-n`.
    pub fn status(&self, n: usize) -> Value {
        let output = self.tieline(n, &["--format", "json", "status"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The release that gateway `gw-n` has in use.
    pub fn in_use(&self, n: usize) -> u64 {
        self.status(n)["generation"]["release"].as_u64().unwrap_or_default()
    }

    /// The generation that the link of gateway `gw-n` names; looking disturbs nobody.
    pub fn linked(&self, n: usize) -> String {
        let link = fs::read_link(format!("{}/state/current", self.directory(n))).unwrap();
        link.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// The OpenVPN processes of gateway `gw-n`, by device.
    pub fn processes(&self, n: usize) -> Vec<(String, u64)> {
        let status = self.status(n);
        let tunnels = status["tunnels"].as_array().cloned().unwrap_or_default();
        let process = |tunnel: &Value| {
            Some((tunnel["device"].as_str()?.to_owned(), tunnel["process"].as_u64()?))
        };
        tunnels.iter().filter_map(process).collect()
    }

    /// The process ids that stand in the run directory of gateway `gw-n`; looking runs nothing.
    pub fn pids(&self, n: usize) -> Vec<String> {
        let entries = fs::read_dir(format!("{}/run/openvpn", self.directory(n)));
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let files = paths.filter(|path| path.extension().is_some_and(|of| of == "pid"));
        let read = files.filter_map(|path| fs::read_to_string(path).ok());
        read.map(|pid| pid.trim().to_owned()).filter(|pid| !pid.is_empty()).collect()
    }

    /// Whether the host of LAN `from` hears from that of LAN `to`.
    pub fn reaches(&self, from: usize, to: usize) -> bool {
        assert!(from.max(to) <= self.count, "there is no lan-{from} or no lan-{to}");
        let netns = format!("host-lan-{from}");
        let to = format!("10.1.{to}.2");
        let ping = ["netns", "exec", &netns, "ping", "-c", "1", "-W", "1", &to];
        Command::new("ip").args(ping).output().unwrap().status.success()
    }

    /// Waits until every host hears from every other.
    pub fn all_reach(&self, limit: Duration) {
        let start = Instant::now();
        for from in 1..=self.count {
            for to in (1..=self.count).filter(|to| *to != from) {
                while !self.reaches(from, to) {
                    let late = start.elapsed() > limit;
                    assert!(!late, "lan-{from} does not reach lan-{to}: {}", self.status(from));
                }
            }
        }
    }

    /// Takes gateway `gw-n` off the internet.
    pub fn cut(&self, n: usize) {
        let rules = "table inet cut {\n chain in { type filter hook input priority -300; iifname wan drop; }\n \
                     chain out { type filter hook output priority -300; oifname wan drop; }\n}\n";
        let file = format!("/run/tmp/cut-{n}.nft");
        fs::write(&file, rules).unwrap();
        run(&mut self.on_gateway(n, &["nft", "-f", &file]));
    }

    /// Puts gateway `gw-n` back onto the internet.
    pub fn join(&self, n: usize) {
        run(&mut self.on_gateway(n, &["nft", "delete table inet cut"]));
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.stop_git();
    }
}

/// Waits for something that takes a while, and has to come.
pub fn wait_for(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends a process group as nothing else does.
pub fn kill_group(leader: u32) {
    let _ = Command::new("kill").args(["-9", "--", &format!("-{leader}")]).output();
}

fn ip(arguments: &[&str]) {
    run(Command::new("ip").args(arguments));
}
