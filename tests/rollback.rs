//! A release that breaks what worked is undone by the gateway itself: real reconciler, real
//! OpenVPN, real kernel, real kills.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::gateways::{Ended, Gateway, Site, TOOLS, kill};
use support::sandbox;

const PATIENCE: Duration = Duration::from_secs(30);

/// Two connected gateways. The administrator of the first wants it to reach the other LAN, and
/// release 2, which is published, takes the way there away.
fn about_to_break(window: u32) -> Site {
    let mut site = Site::new(2);
    site.release();
    for n in [1, 2] {
        site.gateway(n).converge();
    }
    let checks = format!("confirm: {{ window: {window} }}\nchecks: [{{ ping: 10.0.2.1 }}]\n");
    site.gateway(1).configure(&[site.git.url()], &checks);
    assert!(connected(&site));
    site.mesh.lans.remove("lan-2");
    site.release();
    site
}

fn connected(site: &Site) -> bool {
    site.gateway(1).reaches("10.0.1.1", "10.0.2.1", PATIENCE)
}

/// Another command of the program, with arguments.
fn tieline(gateway: &Gateway, arguments: &[&str]) -> Ended {
    let mut command = gateway.command(env!("CARGO_BIN_EXE_tieline"));
    command.args(arguments).arg("--config").arg(gateway.directory.join("gateway.yaml"));
    Ended::from(command.output().unwrap())
}

fn current(gateway: &Gateway) -> String {
    let link = fs::read_link(gateway.directory.join("state/current")).unwrap();
    let name = link.file_name().unwrap().to_str().unwrap();
    name.split_once('-').unwrap().0.to_owned()
}

/// Starts a run and kills it with SIGKILL when it has switched to the new release.
fn cut_off(gateway: &Gateway) {
    let mut command: Command = gateway.reconcile_command(&[]);
    let mut run = command.stderr(Stdio::null()).spawn().unwrap();
    let journal = gateway.directory.join("state/journal.json");
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "it has never switched");
        let switched = fs::read_to_string(&journal).unwrap_or_default().contains("\"switched\"");
        if switched && !gateway.processes().contains_key("tl-2") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(run.id());
    run.wait().unwrap();
}

#[test]
fn what_breaks_a_check_is_undone_and_said_once() {
    sandbox::enter("what_breaks_a_check_is_undone_and_said_once", TOOLS, || {
        let site = about_to_break(3);
        let gateway = site.gateway(1);
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 30, "{}", ended.stderr);
        let said = "error: gw-1: release 2 failed here and was rolled back: not healthy within 3 \
                    seconds: the check ping 10.0.2.1";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert_eq!(current(gateway), "1");
        assert!(connected(&site));
        let again = gateway.reconcile();
        assert_eq!((again.code, again.stderr.as_str()), (30, ""));
        let status = Ended::from(gateway.status_command().output().unwrap()).stdout;
        assert!(status.contains("rejected    release 2: not healthy"), "{status}");

        // It can be tried again, and can wait for the next one.
        let lifted = tieline(gateway, &["rollback", "--lift"]);
        assert_eq!(lifted.code, 0, "{}", lifted.stderr);
        assert!(lifted.stderr.contains("release 2"), "{}", lifted.stderr);
        gateway.configure(&[site.git.url()], "");
        assert!(gateway.converge().starts_with("gw-1: release 2 applied: 1 tunnel removed"));
    });
}

#[test]
fn killed_in_its_window_it_goes_on_or_goes_back() {
    sandbox::enter("killed_in_its_window_it_goes_on_or_goes_back", TOOLS, || {
        let site = about_to_break(6);
        let gateway = site.gateway(1);
        cut_off(gateway);
        assert_eq!(current(gateway), "2");
        let status = Ended::from(gateway.status_command().output().unwrap()).stdout;
        assert!(status.contains("confirming  release 2, which has "), "{status}");
        // The window goes on, and nothing has become better when it ends.
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 30, "{}", ended.stderr);
        assert!(ended.stderr.contains("not healthy within 6 seconds"), "{}", ended.stderr);
        assert!(connected(&site));

        assert_eq!(tieline(gateway, &["rollback", "--lift"]).code, 0);
        cut_off(gateway);
        std::thread::sleep(Duration::from_secs(7));
        // Neither the git server nor anything else is needed to go back.
        fs::rename(&site.git.directory, site.git.directory.with_extension("away")).unwrap();
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 30, "{}", ended.stderr);
        assert!(ended.stderr.contains("its time has passed"), "{}", ended.stderr);
        assert!(connected(&site));
        assert_eq!(current(gateway), "1");
    });
}

#[test]
fn while_one_run_watches_the_next_one_is_silent() {
    sandbox::enter("while_one_run_watches_the_next_one_is_silent", TOOLS, || {
        let site = about_to_break(5);
        let gateway = site.gateway(1);
        let mut command: Command = gateway.reconcile_command(&[]);
        let run = command.stderr(Stdio::piped()).spawn().unwrap();
        let journal = gateway.directory.join("state/journal.json");
        while !journal.exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let second = gateway.reconcile();
        assert_eq!((second.code, second.stderr.as_str()), (75, ""));
        assert_eq!(Ended::from(run.wait_with_output().unwrap()).code, 30);
    });
}

#[test]
fn after_a_boot_the_old_release_is_in_place_before_anything_starts() {
    sandbox::enter(
        "after_a_boot_the_old_release_is_in_place_before_anything_starts",
        TOOLS,
        || {
            let site = about_to_break(60);
            let gateway = site.gateway(1);
            cut_off(gateway);
            gateway.reboot();
            pretend_another_boot(gateway);
            let ended = tieline(gateway, &["recover"]);
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            assert!(ended.stderr.contains("release 2 was not confirmed"), "{}", ended.stderr);
            assert_eq!(current(gateway), "1");
            assert!(gateway.processes().is_empty(), "nothing is started");
            let ended = gateway.reconcile();
            assert_eq!(ended.code, 30, "{}", ended.stderr);
            assert!(ended.stderr.contains("booted before it was confirmed"), "{}", ended.stderr);
            assert!(connected(&site));
        },
    );
}

/// This machine cannot be booted, so the journal gets another boot to speak of.
fn pretend_another_boot(gateway: &Gateway) {
    let path = gateway.directory.join("state/journal.json");
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(id.trim()), "{text}");
    fs::write(&path, text.replace(id.trim(), "00000000-0000-4000-8000-000000000000")).unwrap();
}

#[test]
fn an_administrator_goes_back_and_stays_there() {
    sandbox::enter("an_administrator_goes_back_and_stays_there", TOOLS, || {
        let site = about_to_break(5);
        let gateway = site.gateway(1);
        gateway.configure(&[site.git.url()], "");
        assert!(gateway.converge().starts_with("gw-1: release 2 applied"));
        let ended = tieline(gateway, &["rollback"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("gw-1: back to release 1: 1 tunnel added"),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("rollback --lift"), "{}", ended.stderr);
        assert!(connected(&site));
        let said = gateway.converge();
        assert!(said.contains("warning: gw-1: release 2 is not used again"), "{said}");
        assert_eq!(gateway.converge(), "", "and that is said once");
        assert_eq!(current(gateway), "1");

        let ended = tieline(gateway, &["rollback", "--to", "7"]);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("no whole generation of release 7"), "{}", ended.stderr);
        assert!(ended.stderr.contains("on this host are 1-"), "{}", ended.stderr);
    });
}

#[test]
fn a_first_install_that_fails_leaves_the_host_as_it_was() {
    sandbox::enter("a_first_install_that_fails_leaves_the_host_as_it_was", TOOLS, || {
        let site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        // In this mount namespace, OpenVPN is something that ends at once.
        let broken = gateway.directory.join("broken");
        fs::write(&broken, "#!/bin/sh\necho cannot get memory\nexit 1\n").unwrap();
        sandbox::run(&format!("chmod 755 {}", broken.display()));
        sandbox::run(&format!("mount --bind {} /usr/sbin/openvpn", broken.display()));
        let forwarding = || {
            let mut command = gateway.command("cat");
            let output = command.arg("/proc/sys/net/ipv4/ip_forward").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let before = (gateway.running(), forwarding());
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 30, "{}", ended.stderr);
        assert!(ended.stderr.contains("cannot get memory"), "{}", ended.stderr);
        assert_eq!((gateway.running(), forwarding()), before);
        assert!(!gateway.directory.join("state/current").exists());
    });
}
