//! Releases that do not prove healthy: what is undone, what is remembered, and what is said.

use std::time::Duration;

use super::simulation::{RUN, STATE, Simulation, Tunnels, converged};
use super::tests::{NEW, OLD, settled};
use super::*;
use crate::host::Clock as _;
use crate::host::fake::Fate;
use crate::reconcile::{LastRun, OutcomeKind, Report};

/// A third release, different from both.
const THIRD: Tunnels = &[(2, 13002), (3, 11003)];

/// Has the way to the only remote lead through the tunnel to peer 3, which [`NEW`] removes.
pub(super) fn depend_on_peer_3(simulation: &Simulation) {
    simulation.host.with(|world| {
        world.way = Some(|network| network.links.keys().any(|device| device.to_string() == "tl-3"));
    });
}

/// Has the process of a tunnel fail to start.
fn mask(simulation: &Simulation, device: &str, takes: Duration) {
    simulation
        .host
        .with(|world| world.masked.insert(format!("tunnel/{device}").parse().unwrap(), takes));
}

fn rolled_back(ended: &Result<Outcome, RunError>) -> &str {
    match ended {
        Ok(Outcome::RolledBack { reason, .. }) => reason,
        _ => panic!("{ended:?}"),
    }
}

fn last_run(simulation: &Simulation) -> LastRun {
    LastRun::load(&simulation.host, &simulation.config.paths).unwrap()
}

#[test]
fn a_release_that_cuts_the_gateway_off_is_undone_when_its_window_ends() {
    let mut simulation = settled();
    depend_on_peer_3(&simulation);
    simulation.release(NEW);
    let began = simulation.host.boot().uptime;
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    let reason = rolled_back(&ended);
    assert!(reason.starts_with("not healthy within 120 seconds: "), "{reason}");
    assert!(reason.contains("https://git.example.net/mesh"), "{reason}");
    let took = simulation.host.boot().uptime.saturating_sub(began);
    assert!((120..=125).contains(&took.as_secs()), "{took:?}");
    assert!(simulation.runs(OLD));
    assert_eq!(report.summary(), "");
    assert_eq!(last_run(&simulation).outcome, OutcomeKind::RolledBack);
    assert!(
        last_run(&simulation).message.starts_with("release 2 failed here and was rolled back: ")
    );
}

#[test]
fn what_failed_is_skipped_until_something_else_comes_and_said_once() {
    let mut simulation = settled();
    depend_on_peer_3(&simulation);
    simulation.release(NEW);
    let (first, report) = simulation.run(Fate::Kind).unwrap();
    let reason = rolled_back(&first).to_owned();
    assert!(!report.error_repeated);
    for _ in 0..2 {
        let (again, report) = simulation.run(Fate::Kind).unwrap();
        assert_eq!(rolled_back(&again), reason);
        assert!(report.error_repeated);
        assert_eq!(simulation.effects().first(), Some(&format!("write {RUN}/status.json")));
        assert!(simulation.effects().iter().all(|effect| effect.ends_with("status.json")));
    }
    // A new release with the same bundle is the same again.
    simulation.release(NEW);
    let (again, _) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(rolled_back(&again), reason);
    // Another bundle is not, and then the first one may be tried again.
    simulation.release(THIRD);
    assert_eq!(simulation.converge(), "release 4 applied: 1 tunnel restarted");
    assert!(simulation.runs(THIRD));
    simulation.host.with(|world| world.way = None);
    simulation.release(NEW);
    simulation.converge();
    assert!(simulation.runs(NEW));
}

#[test]
fn what_failed_is_tried_again_after_a_release_that_took_it_back() {
    let mut simulation = settled();
    depend_on_peer_3(&simulation);
    simulation.release(NEW);
    rolled_back(&simulation.run(Fate::Kind).unwrap().0);
    // The mesh goes back to what this gateway runs anyway.
    simulation.release(OLD);
    simulation.converge();
    simulation.host.with(|world| world.way = None);
    simulation.release(NEW);
    simulation.converge();
    assert!(simulation.runs(NEW));
}

#[test]
fn a_first_install_that_fails_leaves_what_was_there() {
    let mut simulation = Simulation::new();
    mask(&simulation, "tl-4", Duration::ZERO);
    simulation.release(NEW);
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(rolled_back(&ended).contains("tunnel tl-4"), "{ended:?}");
    assert!(simulation.is_bare());
    assert!(
        !simulation.disk().iter().any(|line| line.contains("current ->")),
        "{:#?}",
        simulation.disk()
    );
    // Nor does a later run touch anything, until something else comes.
    let (again, _) = simulation.run(Fate::Kind).unwrap();
    rolled_back(&again);
    assert_eq!(simulation.effects().first(), Some(&format!("write {RUN}/status.json")));
    assert!(simulation.effects().iter().all(|effect| effect.ends_with("status.json")));
    simulation.release(OLD);
    simulation.converge();
    assert!(simulation.runs(OLD));
}

#[test]
fn what_is_left_of_a_first_install_is_removed_by_a_later_run() {
    let mut simulation = Simulation::new();
    mask(&simulation, "tl-4", Duration::ZERO);
    simulation.host.with(|world| world.stuck.insert("tl-2".parse().unwrap()));
    simulation.release(NEW);
    for _ in 0..2 {
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        assert!(matches!(ended, Err(RunError::RollbackFailed { .. })), "{ended:?}");
        assert!(!simulation.is_bare());
    }
    simulation.host.with(|world| world.stuck.clear());
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    rolled_back(&ended);
    assert!(simulation.is_bare());
}

#[test]
fn whichever_unit_fails_the_others_come_back() {
    const MANY: Tunnels = &[(2, 12002), (3, 12003), (4, 12004), (5, 12005)];
    for (peer, _) in MANY {
        for takes in [Duration::ZERO, Duration::from_secs(30)] {
            let mut simulation = settled();
            simulation.release(MANY);
            let device = format!("tl-{peer}");
            mask(&simulation, &device, takes);
            let (ended, _) = simulation.run(Fate::Kind).unwrap();
            match *peer {
                // What is masked now was not before, and the way back does not start it either.
                2 | 3 => {
                    let failed = matches!(ended, Err(RunError::RollbackFailed { .. }));
                    assert!(failed, "{device}: {ended:?}");
                    let (again, _) = simulation.run(Fate::Kind).unwrap();
                    let failed = matches!(again, Err(RunError::RollbackFailed { .. }));
                    assert!(failed, "{device}: {again:?}");
                    simulation.host.with(|world| world.masked.clear());
                    let _ = simulation.run(Fate::Kind).unwrap();
                }
                _ => assert!(rolled_back(&ended).contains(&device), "{device}: {ended:?}"),
            }
            assert!(simulation.runs(OLD), "{device}");
        }
    }
}

#[test]
fn a_peer_that_was_down_before_is_no_reason() {
    let mut simulation = settled();
    simulation.host.with(|world| world.silent.insert("172.19.0.3".parse().unwrap()));
    simulation.release(THIRD);
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert!(report.warnings.iter().any(|text| text.contains("tl-3")), "{:?}", report.warnings);
    assert!(simulation.runs(THIRD));
}

#[test]
fn a_tunnel_that_did_not_start_before_is_no_reason() {
    for release in [THIRD, NEW] {
        let mut simulation = settled();
        mask(&simulation, "tl-2", Duration::ZERO);
        simulation.host.with(|world| world.processes.remove(&"tunnel/tl-2".parse().unwrap()));
        simulation.release(release);
        let (ended, report) = simulation.run(Fate::Kind).unwrap();
        assert!(converged(&ended), "{ended:?}");
        let warned = report.warnings.iter().any(|text| text.contains("tunnel tl-2"));
        assert!(warned, "{:?}", report.warnings);
        // Nor does it keep another release from being undone.
        if release == THIRD {
            depend_on_peer_3(&simulation);
            simulation.release(NEW);
            let (ended, _) = simulation.run(Fate::Kind).unwrap();
            assert!(rolled_back(&ended).contains("not healthy"), "{ended:?}");
        }
        simulation.host.with(|world| world.masked.clear());
        let _ = simulation.run(Fate::Kind).unwrap();
        assert!(simulation.runs(release));
    }
}

#[test]
fn a_tunnel_whose_far_end_has_to_change_as_well_is_no_reason() {
    let mut simulation = settled();
    simulation.release(THIRD);
    let at = switched_at(&simulation);
    assert!(simulation.run(Fate::Die(at)).is_none());
    // From the change on, the far end does not answer: it has not got its release yet.
    simulation.host.with(|world| world.silent.insert("172.19.0.2".parse().unwrap()));
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert!(report.warnings.iter().any(|text| text.contains("tl-2")), "{:?}", report.warnings);
    assert!(simulation.runs(THIRD));
}

#[test]
fn a_tunnel_that_is_not_meant_to_change_is_a_reason() {
    let mut simulation = settled();
    simulation.release(THIRD);
    let at = switched_at(&simulation);
    assert!(simulation.run(Fate::Die(at)).is_none());
    simulation.host.with(|world| world.silent.insert("172.19.0.3".parse().unwrap()));
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(rolled_back(&ended).contains("tunnel tl-3"), "{ended:?}");
    assert!(simulation.runs(OLD));
}

#[test]
fn without_the_release_before_the_one_before_that_is_used() {
    let mut simulation = settled();
    simulation.release(THIRD);
    simulation.converge();
    depend_on_peer_3(&simulation);
    simulation.release(NEW);
    // The one to go back to is damaged while the new one is being watched.
    let switched = switched_at(&simulation);
    assert!(simulation.run(Fate::Die(switched)).is_none());
    damage(&simulation, "2-");
    simulation.wait(200);
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(rolled_back(&ended).contains("its time has passed"), "{ended:?}");
    assert!(simulation.runs(OLD));
}

/// The number of the effect after which the link is the new one, on a machine like this.
pub(super) fn switched_at(simulation: &Simulation) -> usize {
    let before = simulation.host.with(|world| world.clone());
    let _ = simulation.run(Fate::Kind).unwrap();
    let linked = format!("link {STATE}/current");
    let at = simulation.effects().iter().position(|effect| *effect == linked).unwrap();
    simulation.host.with(|world| *world = before);
    at + 2
}

/// Changes a file of the generation whose name begins like this.
pub(super) fn damage(simulation: &Simulation, name: &str) {
    let place = format!("{STATE}/generations/{name}");
    let disk = simulation.disk();
    let file = disk.iter().find(|line| line.starts_with(&place) && line.contains("tl-2.conf"));
    let (file, _) = file.unwrap().split_once(": ").unwrap();
    simulation.host.put(file, b"up /bin/sh");
    // Nor can it be restored from the bundle that is kept in it.
    let generation = file.split_once("/openvpn/").unwrap().0;
    simulation.host.forget(&format!("{generation}/.bundle.tar.gz"));
}

#[test]
fn going_back_by_hand_stays_until_something_else_comes() {
    let mut simulation = settled();
    simulation.release(NEW);
    simulation.converge();
    let gone = simulation.act(Fate::Kind, |gateway| roll_back_manually(gateway, None));
    let report: Report = gone.unwrap().unwrap().report;
    assert!(report.summary().starts_with("back to release 1: "), "{}", report.summary());
    assert!(simulation.runs(OLD));
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert_eq!(
        report.warnings,
        ["release 2 is not used again: an administrator went back to release 1"]
    );
    assert!(simulation.runs(OLD));
    let (_, report) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(report.repeated, report.warnings);
    // Forth again, by hand or by lifting it.
    let lifted = simulation.act(Fate::Kind, lift).unwrap().unwrap();
    assert_eq!(lifted[0].release, 2);
    simulation.converge();
    assert!(simulation.runs(NEW));
    let forth = |release| {
        let act = |gateway: &Gateway| roll_back_manually(gateway, Some(release));
        simulation.act(Fate::Kind, act).unwrap().map(|run| run.ended.unwrap())
    };
    forth(1).unwrap();
    forth(2).unwrap();
    assert!(simulation.runs(NEW));
    assert_eq!(simulation.converge(), "", "the newest is in use, and release 1 is nobody's wish");
    assert!(matches!(forth(2), Err(ManualRollbackError::InUse { release: 2 })));
    assert!(matches!(forth(9), Err(ManualRollbackError::Unknown { release: 9, .. })));
    simulation.release(THIRD);
    simulation.converge();
    assert!(simulation.runs(THIRD));
}

#[test]
fn going_back_by_hand_that_cuts_the_gateway_off_is_undone() {
    let mut simulation = settled();
    simulation.release(NEW);
    simulation.converge();
    simulation.host.with(|world| {
        world.way = Some(|network| network.links.keys().any(|device| device.to_string() == "tl-4"));
    });
    let back = |gateway: &Gateway| roll_back_manually(gateway, None);
    let ended = simulation.act(Fate::Kind, back).unwrap();
    let ended = ended.unwrap().ended;
    assert!(matches!(ended, Ok(Outcome::Undone { release: 1, .. })), "{ended:?}");
    assert!(simulation.runs(NEW));
    assert_eq!(simulation.converge(), "");
}

#[test]
fn nothing_to_go_back_to_changes_nothing() {
    let simulation = settled();
    let back = |gateway: &Gateway| roll_back_manually(gateway, None);
    let ended = simulation.act(Fate::Kind, back).unwrap();
    assert!(matches!(ended, Err(ManualRollbackError::None { .. })), "{ended:?}");
    assert!(simulation.runs(OLD));
}

#[test]
fn what_is_kept_is_what_was_in_use() {
    let mut simulation = settled();
    for release in [NEW, THIRD, OLD, NEW] {
        simulation.release(release);
        simulation.converge();
    }
    let names = || generation::names(&simulation.host, STATE.into()).unwrap();
    let kept: Vec<_> = names().iter().map(|name| generation::release(name).unwrap()).collect();
    assert_eq!(kept, [3, 4, 5]);
    // The number of a release says nothing about what it is worth.
    simulation.host.put(&format!("{STATE}/generations/1000000000-0123456789ab/x"), b"");
    simulation.host.put(&format!("{STATE}/generations/1000000000-0123456789ab"), b"");
    let history = History::load(&simulation.host, STATE.into());
    generation::prune(&simulation.host, STATE.into(), &history.used).unwrap();
    let kept: Vec<_> = names().iter().map(|name| generation::release(name).unwrap()).collect();
    assert_eq!(kept, [3, 4, 5]);
}

#[test]
fn a_unit_that_failed_is_named_until_it_works() {
    let simulation = settled();
    simulation.host.with(|world| world.processes.remove(&"tunnel/tl-3".parse().unwrap()));
    mask(&simulation, "tl-3", Duration::ZERO);
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Err(RunError::Steps { count: 1, .. })), "{ended:?}");
    assert_eq!(last_run(&simulation).failed, ["tunnel/tl-3".parse().unwrap()].into());
    simulation.host.with(|world| world.masked.clear());
    simulation.converge();
    assert_eq!(last_run(&simulation).failed, [].into());
}
