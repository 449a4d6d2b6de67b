//! What a run with nothing to do costs, beside what git itself needs to ask the same server: time,
//! memory, bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::gateways::{Gateway, Site, TOOLS};
use support::{mesh, sandbox};

/// How often each is measured.
const RUNS: usize = 41;

/// time(1) counts in hundredths of a second, so it is given some runs at once.
const AT_ONCE: u32 = 20;

/// What one run costs.
struct Cost {
    wall: Duration,
    /// User and system time, of the process and its children.
    cpu: Duration,
    /// Of the largest process among them, in KiB (ru_maxrss of getrusage(2)).
    memory: u64,
    /// IP packets from the server, headers included.
    received: u64,
}

fn main() {
    sandbox::enter("idle", &[TOOLS, &["time"]].concat(), || {
        println!(
            "{:>10} {:>8} {:>8} {:>13} {:>9} {:>9} {:>11} {:>10} {:>7} {:>7}",
            "server",
            "tunnels",
            "branches",
            "",
            "wall",
            "CPU",
            "memory",
            "received",
            "/wall",
            "/CPU"
        );
        let sizes = [(1, 1), (50, 51), (1, 1000)];
        let most = sizes.map(|(tunnels, branches)| measure(tunnels, branches));
        println!(
            "medians of {RUNS}, each in a process of its own, with nothing to do in any of them; \
             memory of the largest process; /: tieline as a multiple of it"
        );
        assert!(most.iter().all(|memory| *memory < 20_000), "an idle run takes more than 20 MB");
    });
}

/// Prints a block of figures, and says how much memory ours took at most.
fn measure(tunnels: u16, branches: u16) -> u64 {
    let mut most = 0;
    let mut site = Site::new(1);
    for n in 2..=tunnels + 1 {
        mesh::add(&mut site.mesh, n);
    }
    site.release();
    let own = "refs/heads/gateway/gw-1";
    let commit = git(&site, &["rev-parse", own]);
    for n in 2..=branches {
        git(&site, &["update-ref", &format!("refs/heads/gateway/gw-{n}"), commit.trim()]);
    }
    git(&site, &["pack-refs", "--all"]);
    let gateway = site.gateway(1);
    let daemon = Daemon::start(gateway, site.git.directory.parent().unwrap().to_str().unwrap());
    let counter = "add table inet count; add counter inet count received; \
                   add chain inet count in { type filter hook input priority 0; }; \
                   add rule inet count in tcp sport 9418 counter name received";
    assert!(gateway.command("nft").arg(counter).status().unwrap().success());
    for (server, url) in
        [("file", site.git.url()), ("git daemon", "git://127.0.0.1/mesh.git".to_owned())]
    {
        gateway.configure(std::slice::from_ref(&url), "");
        gateway.converge();
        let clone = gateway.directory.join(format!("{server}.git"));
        let clone = clone.to_str().unwrap();
        let mut init = Command::new("git");
        assert!(init.args(["init", "-q", "--bare", clone]).status().unwrap().success());
        let config = gateway.directory.join("gateway.yaml");
        let tieline = env!("CARGO_BIN_EXE_tieline");
        let fetch = ["git", "--git-dir", clone, "fetch", "-q", "--depth", "1", &url, own];
        let reconcile = [tieline, "reconcile", "--config", config.to_str().unwrap()];
        let ours = cost(gateway, &reconcile);
        let theirs = [
            ("git ls-remote", cost(gateway, &["git", "ls-remote", &url, own])),
            ("git fetch", cost(gateway, &fetch)),
        ];
        let place = format!("{server:>10} {tunnels:>8} {branches:>8}");
        println!("{place} {:>13} {}", "tieline", ours.shown());
        for (what, cost) in &theirs {
            let ratio =
                |ours: Duration, theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64();
            let (wall, cpu) = (ratio(ours.wall, cost.wall), ratio(ours.cpu, cost.cpu));
            println!("{place} {what:>13} {} {wall:>7.2} {cpu:>7.2}", cost.shown());
        }
        most = most.max(ours.memory);
    }
    drop(daemon);
    most
}

fn git(site: &Site, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(&site.git.directory).args(arguments);
    support::releases::run(&mut git)
}

/// What a command costs that succeeds and says nothing on standard error.
fn cost(gateway: &Gateway, line: &[&str]) -> Cost {
    let once = |command: &mut Command| {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line:?}: {said}");
        said
    };
    let plain = || {
        let mut command = gateway.command(line[0]);
        command.args(&line[1..]);
        command
    };
    // What only a first run does is not counted.
    once(&mut plain());
    received(gateway);
    assert_eq!(once(&mut plain()), "");
    let received = received(gateway);
    let mut walls: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(once(&mut plain()), "", "{line:?}");
            start.elapsed()
        })
        .collect();
    walls.sort();
    let mut timed = gateway.command("time");
    let again = format!("for n in $(seq {AT_ONCE}); do \"$@\" >/dev/null || exit; done");
    timed.args(["-f", "%U %S %M", "sh", "-c", &again, "sh"]).args(line);
    let said = once(&mut timed);
    let figures: Vec<f64> = said.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
    Cost {
        wall: walls[RUNS / 2],
        cpu: Duration::from_secs_f64(figures[0] + figures[1]) / AT_ONCE,
        memory: said.split_whitespace().last().unwrap().parse().unwrap(),
        received,
    }
}

/// The bytes that came from the server since this was asked last.
fn received(gateway: &Gateway) -> u64 {
    let mut nft = gateway.command("nft");
    let said = support::releases::run(nft.args(["reset", "counter", "inet", "count", "received"]));
    let (_, bytes) = said.split_once("bytes ").unwrap();
    bytes.split_whitespace().next().unwrap().parse().unwrap()
}

impl Cost {
    fn shown(&self) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let (wall, cpu, memory) = (ms(self.wall), ms(self.cpu), self.memory);
        format!("{wall:>6.1} ms {cpu:>6.1} ms {memory:>7} KiB {:>8} B", self.received)
    }
}

struct Daemon(Child);

impl Daemon {
    /// `git daemon` on the gateway's own loopback device.
    fn start(gateway: &Gateway, base: &str) -> Self {
        let mut command = gateway.command("git");
        command.args(["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"]);
        let base = format!("--base-path={base}");
        let child = command.arg(base).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(500));
        Self(child)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
