//! Whole runs on a machine in memory: what they do in which order, and that they can be
//! interrupted at any effect.

use std::time::Duration;

use camino::Utf8Path;

use super::simulation::{RUN, STATE, Simulation, Tunnels, converged};
use super::*;
use crate::host::fake::Fate;
use crate::primitives::Fingerprint;
use crate::reconcile::{Refusal, ReleaseError};

pub(super) const OLD: Tunnels = &[(2, 11002), (3, 11003)];
/// One tunnel changed, one removed, one added.
pub(super) const NEW: Tunnels = &[(2, 12002), (4, 11004)];

/// A gateway with the release [`OLD`] in place.
pub(super) fn settled() -> Simulation {
    let mut simulation = Simulation::new();
    simulation.release(OLD);
    simulation.converge();
    simulation
}

#[test]
fn a_first_install_in_order() {
    let mut simulation = Simulation::new();
    simulation.release(&[(2, 11002)]);
    let said = simulation.converge();
    assert_eq!(
        said,
        "release 1 applied: 1 tunnel added, routes changed, firewall changed, kernel settings \
         changed"
    );
    let effects = simulation.effects().join("\n");
    let effects = effects.replace(STATE, "STATE").replace(RUN, "RUN");
    insta::assert_snapshot!(effects);
}

#[test]
fn an_update_in_order() {
    let mut simulation = settled();
    simulation.release(NEW);
    let said = simulation.converge();
    assert_eq!(
        said,
        "release 2 applied: 1 tunnel added, 1 tunnel restarted, 1 tunnel removed, routes changed"
    );
    let effects = simulation.effects();
    let running = effects.iter().filter(|effect| !effect.contains('/') || effect.contains("route"));
    let running: Vec<_> = running.map(String::as_str).collect();
    assert_eq!(
        running,
        [
            "link tl-4",
            "start tl-4",
            "route 192.168.4.0/24",
            "restart tl-2",
            "unroute 192.168.3.0/24",
            "stop tl-3",
            "unlink tl-3",
        ]
    );
    assert!(simulation.runs(NEW));
}

#[test]
fn an_idle_run_writes_its_status_and_nothing_else() {
    let mut simulation = settled();
    assert_eq!(simulation.converge(), "");
    for _ in 0..2 {
        assert_eq!(simulation.converge(), "");
        // On a disk, nothing at all.
        assert_eq!(simulation.effects(), [format!("write {RUN}/status.json")]);
        // Nor does a release that has the same bundle, once its metadata are kept.
        simulation.release(OLD);
        assert_eq!(simulation.converge(), "");
        assert!(simulation.effects().iter().all(|effect| effect.contains("metadata/")
            || ["status.json", "floor.json"].iter().any(|file| effect.ends_with(file))));
    }
}

/// The clock is set right in the middle of a run. What was judged by one time is not judged by another.
#[test]
fn a_clock_that_is_put_forward_in_a_run_ends_nothing_half_way() {
    let mut simulation = settled();
    simulation.release(NEW);
    // Valid for 78 days more; the time of day is past that soon after the run has begun to look at them.
    simulation.host.with(|world| world.leap = std::time::Duration::from_hours(24 * 50));
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended) && report.summary().contains("applied"), "{ended:?}");
    simulation.host.with(|world| world.leap = std::time::Duration::ZERO);
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(
        matches!(ended, Err(RunError::Release(_))),
        "the next run knows that they have expired"
    );
}

#[test]
fn the_end_of_metadata_is_announced_once() {
    let mut simulation = Simulation::new();
    simulation.release_for(OLD, 20);
    let (ended, first) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended));
    assert_eq!(first.warnings.len(), 3, "{:?}", first.warnings);
    assert!(first.warnings[0].contains("expire at 2030-01-09T00:00:00Z"), "{:?}", first.warnings);
    assert_eq!(first.repeated, [""; 0]);
    let (_, second) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(second.repeated, first.warnings);
}

#[test]
fn what_killed_runs_left_is_gone_with_the_next_one() {
    let simulation = settled();
    let left = [
        format!("{STATE}/.tieline-a"),
        format!("{STATE}/generations/.tieline-b/bundle.json"),
        format!("{RUN}/.tieline-c"),
        format!("{RUN}/openvpn/.tieline-d"),
    ];
    let kept = [format!("{STATE}/notes"), format!("{RUN}/openvpn/.other")];
    let unpacked = format!("{STATE}/generations/.tieline-b");
    crate::host::Files::create_dir(&simulation.host, unpacked.as_str().into()).unwrap();
    for path in left.iter().chain(&kept) {
        simulation.host.put(path, b"half");
    }
    assert_eq!(simulation.converge(), "");
    let there =
        |path: &String| crate::host::Files::read(&simulation.host, path.as_str().into(), 9).is_ok();
    assert!(!left.iter().any(there), "{:?}", simulation.disk());
    assert!(kept.iter().all(there));
}

#[test]
fn two_runs_at_once_are_one() {
    let simulation = settled();
    let (first, _) = simulation.run(Fate::Kind).unwrap();
    assert!(first.is_ok());
    // The lock of a run that has ended in memory stays taken until the next one begins.
    let locked = |confirming| {
        let second = simulation.again(|gateway| run(gateway).ended);
        let as_expected =
            matches!(second, Err(RunError::Locked { confirming: it, .. }) if it == confirming);
        assert!(as_expected, "{second:?}");
    };
    locked(false);
    // It may be seeing whether a release proves healthy, which takes its time.
    simulation.host.put(&format!("{STATE}/journal.json"), b"{}");
    locked(true);
}

#[test]
fn a_lock_that_is_held_long_is_told_of() {
    let simulation = settled();
    let (first, _) = simulation.run(Fate::Kind).unwrap();
    assert!(first.is_ok());
    let said = |minutes: u64| {
        simulation.wait(60 * minutes);
        let second = simulation.again(|gateway| run(gateway).ended);
        second.unwrap_err().to_string()
    };
    let usual = "another run of the reconciler holds /run/tieline/lock";
    assert_eq!(said(9), usual);
    assert_eq!(said(5), format!("{usual}, and none has ended since 2030-01-01T12:00:00Z"));
}

#[test]
fn a_damaged_generation_is_unpacked_again() {
    let simulation = settled();
    let name =
        simulation.disk().iter().find_map(|line| line.strip_suffix("/openvpn/").map(str::to_owned));
    let place = name.unwrap();
    simulation.host.put(&format!("{place}/openvpn/tl-2.conf"), b"up /bin/sh");
    // Nor can it be restored from the bundle.
    simulation.host.put(&format!("{place}/.bundle.tar.gz"), b"");
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].contains("tl-2.conf was changed"), "{:?}", report.warnings);
    assert_eq!(simulation.converge(), "");
    assert!(simulation.runs(OLD));
}

#[test]
fn a_gateway_that_is_another_one_now_says_so_although_nothing_is_new() {
    let mut simulation = settled();
    simulation.config.mesh = "other".parse().unwrap();
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Err(RunError::Refused(Refusal::Mesh { .. }))), "{ended:?}");
    assert_eq!(report.summary(), "");
    assert!(simulation.runs(OLD));
}

#[test]
fn somebody_else_s_key_pair_takes_no_tunnel_down() {
    let mut simulation = settled();
    simulation.identity = Fingerprint::of_der(b"fremantle");
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Err(RunError::Refused(Refusal::Identity { .. }))), "{ended:?}");
    assert_eq!(report.summary(), "");
    let changed: Vec<_> =
        simulation.effects().into_iter().filter(|effect| effect.contains("tl-")).collect();
    assert_eq!(changed, [""; 0], "nothing that runs is touched");
    assert!(simulation.runs(OLD));
}

#[test]
fn a_step_that_fails_once_is_tried_again() {
    let mut simulation = Simulation::new();
    simulation.release(OLD);
    simulation.converge();
    let start = simulation.effects().iter().position(|effect| effect == "start tl-2").unwrap();

    let mut simulation = Simulation::new();
    simulation.release(OLD);
    let (ended, _) = simulation.run(Fate::Refuse(start)).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert!(simulation.runs(OLD));
}

#[test]
fn without_the_remote_the_old_release_runs() {
    let simulation = settled();
    simulation.host.reboot(RUN.into());
    simulation.host.with(|world| world.served.clear());
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Err(RunError::Release(ReleaseError::NoRemote { .. }))), "{ended:?}");
    assert!(simulation.runs(OLD));
}

/// A second remote for the gateway of `simulation`, and who was asked in its last run.
fn two_remotes(simulation: &mut Simulation) {
    let text = "gateway: perth\nmesh: test\nremotes: [git://down.example.net/mesh, \
                https://git.example.net/mesh]\n";
    simulation.config =
        crate::reconcile::GatewayConfig::parse(text, "gateway.yaml".into()).unwrap();
}

#[test]
fn a_remote_that_failed_is_asked_after_the_others_for_a_while() {
    let mut simulation = settled();
    two_remotes(&mut simulation);
    simulation.host.with(|world| world.silent_hosts.push("down.example.net".to_owned()));
    let asked = |simulation: &Simulation| {
        simulation.host.with(|world| world.asked.clear());
        assert_eq!(simulation.converge(), "");
        simulation.host.with(|world| world.asked.join(" "))
    };
    assert_eq!(asked(&simulation), "down.example.net git.example.net");
    simulation.wait(60);
    assert_eq!(asked(&simulation), "git.example.net", "its time is not over");
    simulation.wait(61);
    assert_eq!(asked(&simulation), "down.example.net git.example.net", "two minutes later");
    simulation.wait(180);
    assert_eq!(asked(&simulation), "git.example.net", "four minutes the second time");
    // Somebody who watches wants to see all of them asked.
    simulation.host.with(|world| world.asked.clear());
    simulation.act(Fate::Kind, |gateway| {
        let watched = Gateway { attended: true, ..*gateway };
        run(&watched).ended.unwrap();
    });
    assert_eq!(
        simulation.host.with(|world| world.asked.join(" ")),
        "down.example.net git.example.net"
    );
    // Once it answers, it is first again.
    simulation.host.with(|world| world.silent_hosts.clear());
    simulation.wait(480);
    assert_eq!(asked(&simulation), "down.example.net");
    simulation.wait(1);
    assert_eq!(asked(&simulation), "down.example.net");
    // And after a reboot nothing is held against anybody.
    simulation.host.with(|world| world.silent_hosts.push("down.example.net".to_owned()));
    assert_eq!(asked(&simulation), "down.example.net git.example.net");
    simulation.host.reboot(Utf8Path::new(RUN));
    simulation.converge();
    assert!(simulation.host.with(|world| world.asked.contains(&"down.example.net".to_owned())));
}

#[test]
fn a_remote_that_is_behind_is_believed_until_its_end_is_near() {
    let mut simulation = settled();
    two_remotes(&mut simulation);
    // Both have release 1; then the first one stays behind.
    let behind = simulation.host.with(|world| world.served.clone());
    let only_second = |world: &mut crate::host::fake::World| {
        world.served_by.insert("down.example.net".to_owned(), behind.clone());
    };
    simulation.host.with(only_second);
    simulation.release(NEW);
    assert_eq!(simulation.converge(), "", "it is valid, and nobody can tell");
    // Its metadata are for 90 days, of which 12 had passed.
    simulation.host.with(|world| world.passed += Duration::from_hours(24 * 50));
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert!(report.summary().starts_with("release 2 applied"), "{}", report.summary());
    assert!(simulation.runs(NEW));
    // From then on it only goes back, so it is passed by.
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert!(report.warnings.iter().any(|warning| warning.contains("goes back")), "{report:?}");
}
