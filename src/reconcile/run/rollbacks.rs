//! Releases that do not prove healthy: what is undone, what is remembered, and what is said.

use std::time::Duration;

use super::tests::{NEW, OLD, settled};
use super::town::{RUN, STATE, Town, Tunnels};
use super::*;
use crate::host::Clock as _;
use crate::host::fake::Fate;
use crate::reconcile::{ByHandError, LastRun, Outcome, lift, roll_back_by_hand};

/// A third release, different from both.
const THIRD: Tunnels = &[(2, 13002), (3, 11003)];

/// Has the way to the only remote lead through the tunnel to peer 3, which [`NEW`] removes.
pub(super) fn depend_on_peer_3(town: &Town) {
    town.host.with(|world| {
        world.way = Some(|network| network.links.keys().any(|device| device.to_string() == "tl-3"));
    });
}

/// Has the process of a tunnel fail to start.
fn mask(town: &Town, device: &str, takes: Duration) {
    town.host.with(|world| world.masked.insert(device.parse().unwrap(), takes));
}

fn rolled_back(ended: &Result<(), RunError>) -> &str {
    match ended {
        Err(RunError::RolledBack { reason, .. }) => reason,
        _ => panic!("{ended:?}"),
    }
}

fn last_run(town: &Town) -> LastRun {
    LastRun::load(&town.host, &town.config.paths).unwrap()
}

#[test]
fn a_release_that_cuts_the_gateway_off_is_undone_when_its_window_ends() {
    let mut town = settled();
    depend_on_peer_3(&town);
    town.release(NEW);
    let began = town.host.boot().uptime;
    let (ended, report) = town.run(Fate::Kind).unwrap();
    let reason = rolled_back(&ended);
    assert!(reason.starts_with("not healthy within 120 seconds: "), "{reason}");
    assert!(reason.contains("https://git.example.net/mesh"), "{reason}");
    let took = town.host.boot().uptime.saturating_sub(began);
    assert!((120..=125).contains(&took.as_secs()), "{took:?}");
    assert!(town.runs(OLD));
    assert_eq!(report.summary(), "");
    assert_eq!(last_run(&town).outcome, Outcome::RolledBack);
    assert!(last_run(&town).message.starts_with("release 2 failed here and was rolled back: "));
}

#[test]
fn what_failed_is_skipped_until_something_else_comes_and_said_once() {
    let mut town = settled();
    depend_on_peer_3(&town);
    town.release(NEW);
    let (first, report) = town.run(Fate::Kind).unwrap();
    let reason = rolled_back(&first).to_owned();
    assert!(!report.error_repeated);
    for _ in 0..2 {
        let (again, report) = town.run(Fate::Kind).unwrap();
        assert_eq!(rolled_back(&again), reason);
        assert!(report.error_repeated);
        assert_eq!(town.effects().first(), Some(&format!("write {RUN}/status.json")));
        assert!(town.effects().iter().all(|effect| effect.ends_with("status.json")));
    }
    // A new release with the same bundle is the same again.
    town.release(NEW);
    let (again, _) = town.run(Fate::Kind).unwrap();
    assert_eq!(rolled_back(&again), reason);
    // Another bundle is not, and then the first one may be tried again.
    town.release(THIRD);
    assert_eq!(town.converge(), "release 4 applied: 1 tunnel restarted");
    assert!(town.runs(THIRD));
    town.host.with(|world| world.way = None);
    town.release(NEW);
    town.converge();
    assert!(town.runs(NEW));
}

#[test]
fn what_failed_is_tried_again_after_a_release_that_took_it_back() {
    let mut town = settled();
    depend_on_peer_3(&town);
    town.release(NEW);
    rolled_back(&town.run(Fate::Kind).unwrap().0);
    // The mesh goes back to what this gateway runs anyway.
    town.release(OLD);
    town.converge();
    town.host.with(|world| world.way = None);
    town.release(NEW);
    town.converge();
    assert!(town.runs(NEW));
}

#[test]
fn a_first_install_that_fails_leaves_what_was_there() {
    let mut town = Town::new();
    mask(&town, "tl-4", Duration::ZERO);
    town.release(NEW);
    let (ended, _) = town.run(Fate::Kind).unwrap();
    assert!(rolled_back(&ended).contains("tunnel tl-4"), "{ended:?}");
    assert!(town.is_bare());
    assert!(!town.disk().iter().any(|line| line.contains("current ->")), "{:#?}", town.disk());
    // Nor does a later run touch anything, until something else comes.
    let (again, _) = town.run(Fate::Kind).unwrap();
    rolled_back(&again);
    assert_eq!(town.effects().first(), Some(&format!("write {RUN}/status.json")));
    assert!(town.effects().iter().all(|effect| effect.ends_with("status.json")));
    town.release(OLD);
    town.converge();
    assert!(town.runs(OLD));
}

#[test]
fn what_is_left_of_a_first_install_is_removed_by_a_later_run() {
    let mut town = Town::new();
    mask(&town, "tl-4", Duration::ZERO);
    town.host.with(|world| world.stuck.insert("tl-2".parse().unwrap()));
    town.release(NEW);
    for _ in 0..2 {
        let (ended, _) = town.run(Fate::Kind).unwrap();
        assert!(matches!(ended, Err(RunError::RollbackFailed { .. })), "{ended:?}");
        assert!(!town.is_bare());
    }
    town.host.with(|world| world.stuck.clear());
    let (ended, _) = town.run(Fate::Kind).unwrap();
    rolled_back(&ended);
    assert!(town.is_bare());
}

#[test]
fn whichever_unit_fails_the_others_come_back() {
    const MANY: Tunnels = &[(2, 12002), (3, 12003), (4, 12004), (5, 12005)];
    for (peer, _) in MANY {
        for takes in [Duration::ZERO, Duration::from_secs(30)] {
            let mut town = settled();
            town.release(MANY);
            let device = format!("tl-{peer}");
            mask(&town, &device, takes);
            let (ended, _) = town.run(Fate::Kind).unwrap();
            match *peer {
                // What is masked now was not before, and the way back does not start it either.
                2 | 3 => {
                    let failed = matches!(ended, Err(RunError::RollbackFailed { .. }));
                    assert!(failed, "{device}: {ended:?}");
                    let (again, _) = town.run(Fate::Kind).unwrap();
                    let failed = matches!(again, Err(RunError::RollbackFailed { .. }));
                    assert!(failed, "{device}: {again:?}");
                    town.host.with(|world| world.masked.clear());
                    let _ = town.run(Fate::Kind).unwrap();
                }
                _ => assert!(rolled_back(&ended).contains(&device), "{device}: {ended:?}"),
            }
            assert!(town.runs(OLD), "{device}");
        }
    }
}

#[test]
fn a_peer_that_was_down_before_is_no_reason() {
    let mut town = settled();
    town.host.with(|world| world.silent.insert("172.19.0.3".parse().unwrap()));
    town.release(THIRD);
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    assert!(report.warnings.iter().any(|text| text.contains("tl-3")), "{:?}", report.warnings);
    assert!(town.runs(THIRD));
}

#[test]
fn a_tunnel_that_did_not_start_before_is_no_reason() {
    for release in [THIRD, NEW] {
        let mut town = settled();
        mask(&town, "tl-2", Duration::ZERO);
        town.host.with(|world| world.processes.remove(&"tl-2".parse().unwrap()));
        town.release(release);
        let (ended, report) = town.run(Fate::Kind).unwrap();
        assert!(ended.is_ok(), "{ended:?}");
        let warned = report.warnings.iter().any(|text| text.contains("tunnel tl-2"));
        assert!(warned, "{:?}", report.warnings);
        // Nor does it keep another release from being undone.
        if release == THIRD {
            depend_on_peer_3(&town);
            town.release(NEW);
            let (ended, _) = town.run(Fate::Kind).unwrap();
            assert!(rolled_back(&ended).contains("not healthy"), "{ended:?}");
        }
        town.host.with(|world| world.masked.clear());
        let _ = town.run(Fate::Kind).unwrap();
        assert!(town.runs(release));
    }
}

#[test]
fn a_tunnel_whose_far_end_has_to_change_as_well_is_no_reason() {
    let mut town = settled();
    town.release(THIRD);
    let at = switched_at(&town);
    assert!(town.run(Fate::Die(at)).is_none());
    // From the change on, the far end does not answer: it has not got its release yet.
    town.host.with(|world| world.silent.insert("172.19.0.2".parse().unwrap()));
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    assert!(report.warnings.iter().any(|text| text.contains("tl-2")), "{:?}", report.warnings);
    assert!(town.runs(THIRD));
}

#[test]
fn a_tunnel_that_is_not_meant_to_change_is_a_reason() {
    let mut town = settled();
    town.release(THIRD);
    let at = switched_at(&town);
    assert!(town.run(Fate::Die(at)).is_none());
    town.host.with(|world| world.silent.insert("172.19.0.3".parse().unwrap()));
    let (ended, _) = town.run(Fate::Kind).unwrap();
    assert!(rolled_back(&ended).contains("tunnel tl-3"), "{ended:?}");
    assert!(town.runs(OLD));
}

#[test]
fn without_the_release_before_the_one_before_that_is_used() {
    let mut town = settled();
    town.release(THIRD);
    town.converge();
    depend_on_peer_3(&town);
    town.release(NEW);
    // The one to go back to is damaged while the new one is being watched.
    let switched = switched_at(&town);
    assert!(town.run(Fate::Die(switched)).is_none());
    damage(&town, "2-");
    town.wait(200);
    let (ended, _) = town.run(Fate::Kind).unwrap();
    assert!(rolled_back(&ended).contains("its time has passed"), "{ended:?}");
    assert!(town.runs(OLD));
}

/// The number of the effect after which the link is the new one, on a machine like this.
pub(super) fn switched_at(town: &Town) -> usize {
    let before = town.host.with(|world| world.clone());
    let _ = town.run(Fate::Kind).unwrap();
    let linked = format!("link {STATE}/current");
    let at = town.effects().iter().position(|effect| *effect == linked).unwrap();
    town.host.with(|world| *world = before);
    at + 2
}

/// Changes a file of the generation whose name begins like this.
pub(super) fn damage(town: &Town, name: &str) {
    let place = format!("{STATE}/generations/{name}");
    let disk = town.disk();
    let file = disk.iter().find(|line| line.starts_with(&place) && line.contains("tl-2.conf"));
    let (file, _) = file.unwrap().split_once(": ").unwrap();
    town.host.put(file, b"up /bin/sh");
    // Nor can it be put back from the bundle that is kept in it.
    let generation = file.split_once("/openvpn/").unwrap().0;
    town.host.forget(&format!("{generation}/.bundle.tar.gz"));
}

#[test]
fn going_back_by_hand_stays_until_something_else_comes() {
    let mut town = settled();
    town.release(NEW);
    town.converge();
    let mut report = Report::default();
    town.act(Fate::Kind, |gateway| roll_back_by_hand(gateway, None, &mut report)).unwrap().unwrap();
    assert!(report.summary().starts_with("back to release 1: "), "{}", report.summary());
    assert!(town.runs(OLD));
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(
        report.warnings,
        ["release 2 is not used again: an administrator went back to release 1"]
    );
    assert!(town.runs(OLD));
    let (_, report) = town.run(Fate::Kind).unwrap();
    assert_eq!(report.repeated, report.warnings);
    // Forth again, by hand or by lifting it.
    let lifted = town.act(Fate::Kind, lift).unwrap().unwrap();
    assert_eq!(lifted[0].release, 2);
    town.converge();
    assert!(town.runs(NEW));
    let forth = |release| {
        let act =
            |gateway: &Gateway| roll_back_by_hand(gateway, Some(release), &mut Report::default());
        town.act(Fate::Kind, act).unwrap()
    };
    forth(1).unwrap();
    forth(2).unwrap();
    assert!(town.runs(NEW));
    assert_eq!(town.converge(), "", "the newest is in use, and release 1 is nobody's wish");
    assert!(matches!(forth(2), Err(ByHandError::InUse { release: 2 })));
    assert!(matches!(forth(9), Err(ByHandError::Unknown { release: 9, .. })));
    town.release(THIRD);
    town.converge();
    assert!(town.runs(THIRD));
}

#[test]
fn going_back_by_hand_that_cuts_the_gateway_off_is_undone() {
    let mut town = settled();
    town.release(NEW);
    town.converge();
    town.host.with(|world| {
        world.way = Some(|network| network.links.keys().any(|device| device.to_string() == "tl-4"));
    });
    let back = |gateway: &Gateway| roll_back_by_hand(gateway, None, &mut Report::default());
    let ended = town.act(Fate::Kind, back).unwrap();
    let undone = matches!(ended, Err(ByHandError::Run(RunError::Undone { release: 1, .. })));
    assert!(undone, "{ended:?}");
    assert!(town.runs(NEW));
    assert_eq!(town.converge(), "");
}

#[test]
fn nothing_to_go_back_to_changes_nothing() {
    let town = settled();
    let back = |gateway: &Gateway| roll_back_by_hand(gateway, None, &mut Report::default());
    let ended = town.act(Fate::Kind, back).unwrap();
    assert!(matches!(ended, Err(ByHandError::None { .. })), "{ended:?}");
    assert!(town.runs(OLD));
}

#[test]
fn what_is_kept_is_what_was_in_use() {
    let mut town = settled();
    for release in [NEW, THIRD, OLD, NEW] {
        town.release(release);
        town.converge();
    }
    let names = || generation::names(&town.host, STATE.into()).unwrap();
    let kept: Vec<_> = names().iter().map(|name| generation::release(name).unwrap()).collect();
    assert_eq!(kept, [3, 4, 5]);
    // The number of a release says nothing about what it is worth.
    town.host.put(&format!("{STATE}/generations/1000000000-0123456789ab/x"), b"");
    town.host.put(&format!("{STATE}/generations/1000000000-0123456789ab"), b"");
    let history = History::load(&town.host, STATE.into());
    stage::prune(&town.host, STATE.into(), &history).unwrap();
    let kept: Vec<_> = names().iter().map(|name| generation::release(name).unwrap()).collect();
    assert_eq!(kept, [3, 4, 5]);
}
