//! The version before this one, which `.ci/previous` builds, and then this one on the same gateway.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::gateways::{Ended, Gateway, Site, TOOLS, kill};
use support::skip::skip;
use support::{mesh, sandbox};

/// The program of the version before; says loudly where there is none, and fails where that must
/// not happen.
fn previous() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/previous/tieline");
    if !path.exists() {
        skip("target/previous/tieline is not there: `.ci/previous` builds it");
        return None;
    }
    Some(path)
}

fn reconcile_with(gateway: &Gateway, program: &Path) -> Command {
    let mut command = gateway.command(program.to_str().unwrap());
    command.args(["reconcile", "--config"]).arg(gateway.directory.join("gateway.yaml"));
    command
}

/// Two gateways that the version before has brought to the first release.
fn settled(previous: &Path) -> Site {
    let site = Site::new(2);
    site.release();
    for n in [1, 2] {
        let ended = Ended::from(reconcile_with(site.gateway(n), previous).output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    site
}

fn journal(gateway: &Gateway) -> PathBuf {
    gateway.directory.join("state/journal.json")
}

#[test]
fn an_upgrade_restarts_nothing_and_is_not_told_of() {
    let Some(previous) = previous() else { return };
    sandbox::enter("an_upgrade_restarts_nothing_and_is_not_told_of", TOOLS, || {
        let site = settled(&previous);
        let gateway = site.gateway(1);
        let running = gateway.running();
        assert_eq!(gateway.converge(), "");
        assert_eq!(gateway.running(), running);
        assert!(gateway.reaches("10.0.1.1", "10.0.2.1", Duration::from_secs(10)));
        // And what it wrote meanwhile is known when something does have to be done.
        fs::remove_file(gateway.directory.join("run/openvpn/tl-2.pid")).unwrap();
        let said = gateway.converge();
        assert_eq!(said, "gw-1: repaired: 1 tunnel restarted\n");
    });
}

/// A run of the version before that is killed when it has switched to a new release.
fn cut_off(gateway: &Gateway, previous: &Path) {
    let mut run = reconcile_with(gateway, previous).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(20), "it has never switched");
        let journal = fs::read_to_string(journal(gateway)).unwrap_or_default();
        if journal.contains("\"switched\"") {
            assert!(journal.contains("\"format\": 1,"), "{journal}");
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(run.id());
    run.wait().unwrap();
}

#[test]
fn a_transaction_of_the_version_before_is_finished() {
    let Some(previous) = previous() else { return };
    sandbox::enter("a_transaction_of_the_version_before_is_finished", TOOLS, || {
        let mut site = settled(&previous);
        mesh::add(&mut site.mesh, 3);
        site.release();
        let gateway = site.gateway(1);
        let tunnel = gateway.processes()["tl-2"];
        cut_off(gateway, &previous);
        let said = gateway.converge();
        assert!(said.contains("release 2 applied: "), "{said}");
        assert!(!journal(gateway).exists());
        assert_eq!(gateway.processes()["tl-2"], tunnel, "what stays is not restarted");
        assert!(gateway.processes().contains_key("tl-3"));
    });
}

#[test]
fn a_transaction_of_the_version_before_is_undone_after_a_boot() {
    let Some(previous) = previous() else { return };
    sandbox::enter("a_transaction_of_the_version_before_is_undone_after_a_boot", TOOLS, || {
        let mut site = settled(&previous);
        mesh::add(&mut site.mesh, 3);
        site.release();
        let gateway = site.gateway(1);
        cut_off(gateway, &previous);
        let path = journal(gateway);
        let mut noted: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        noted["boot"] = "another".into();
        fs::write(&path, noted.to_string()).unwrap();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 30, "{}", ended.stderr);
        let said = "release 2 failed here and was rolled back: this host was booted before it was \
                    confirmed";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert!(!path.exists());
        assert!(!gateway.processes().contains_key("tl-3"));
    });
}
