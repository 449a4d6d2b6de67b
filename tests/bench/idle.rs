//! How long a run with nothing to do takes, beside what git itself takes to ask the same server.

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

fn main() {
    sandbox::enter("idle", TOOLS, || {
        println!(
            "{:>12} {:>8} {:>12} {:>14} {:>12} {:>8} {:>8}",
            "server", "tunnels", "reconcile", "git ls-remote", "git fetch", "/ls", "/fetch"
        );
        for tunnels in [1, 50] {
            measure(tunnels);
        }
        println!("median of {RUNS}, each in a process of its own; nothing to do in any of them");
    });
}

fn measure(tunnels: u16) {
    let mut site = Site::new(1);
    for n in 2..=tunnels + 1 {
        mesh::add(&mut site.mesh, n);
    }
    site.release();
    let gateway = site.gateway(1);
    let daemon = Daemon::start(gateway, site.git.directory.parent().unwrap().to_str().unwrap());
    for (server, url) in
        [("file", site.git.url()), ("git daemon", "git://127.0.0.1/mesh.git".to_owned())]
    {
        gateway.configure(std::slice::from_ref(&url), "");
        gateway.converge();
        let reconcile = median(|| gateway.reconcile_command(&[]));
        let branch = "refs/heads/gateway/gw-1";
        let ls_remote = median(|| {
            let mut git = gateway.command("git");
            git.args(["ls-remote", &url, branch]);
            git
        });
        let clone = gateway.directory.join(format!("{server}.git"));
        let mut init = Command::new("git");
        assert!(init.args(["init", "-q", "--bare"]).arg(&clone).status().unwrap().success());
        let fetch = median(|| {
            let mut git = gateway.command("git");
            git.arg("--git-dir").arg(&clone).args(["fetch", "-q", "--depth", "1", &url, branch]);
            git
        });
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        println!(
            "{server:>12} {tunnels:>8} {:>9.1} ms {:>11.1} ms {:>9.1} ms {:>8.2} {:>8.2}",
            ms(reconcile),
            ms(ls_remote),
            ms(fetch),
            ms(reconcile) / ms(ls_remote),
            ms(reconcile) / ms(fetch),
        );
    }
    drop(daemon);
}

/// How long a command takes that succeeds and says nothing on standard error.
fn median(command: impl Fn() -> Command) -> Duration {
    let mut took: Vec<_> = (0..RUNS)
        .map(|_| {
            let mut command = command();
            let start = Instant::now();
            let output = command.output().unwrap();
            let took = start.elapsed();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{command:?}: {said}");
            took
        })
        .collect();
    took.sort();
    took[RUNS / 2]
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
