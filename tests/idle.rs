//! A run with nothing to do starts one process, the fetch, and nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;

use support::gateways::{Ended, Site, TOOLS};
use support::sandbox;

#[test]
fn an_idle_run_spawns_nothing_but_the_fetch() {
    sandbox::enter(
        "an_idle_run_spawns_nothing_but_the_fetch",
        &[TOOLS, &["strace"]].concat(),
        || {
            let site = Site::new(2);
            site.release();
            let gateway = site.gateway(1);
            gateway.converge();
            let trace = gateway.directory.join("trace");
            let strace = ["strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o"];
            let wrapper = [&strace[..], &[trace.to_str().unwrap()]].concat();
            let ended = Ended::from(gateway.reconcile_command(&wrapper).output().unwrap());
            assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
            let trace = fs::read_to_string(trace).unwrap();
            let started: Vec<_> = trace.lines().filter(|line| line.contains("execve(")).collect();
            assert_eq!(started.len(), 2, "{started:#?}");
            assert!(started[0].contains("\"reconcile\""), "{started:#?}");
            assert!(started[1].contains("\"/proc/self/exe\", \"git-worker\""), "{started:#?}");
        },
    );
}
