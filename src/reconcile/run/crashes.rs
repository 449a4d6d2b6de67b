//! A machine that dies at any effect, or refuses it, and again while it recovers: whatever is left
//! is the old generation or the new, and undisturbed runs end with one of them running whole.

use std::time::Duration;

use super::simulation::{RUN, STATE, Simulation};
use super::tests::{NEW, OLD, settled};
use super::*;
use crate::host::Ipv6;
use crate::host::fake::{Fate, World};
use crate::reconcile::{Journal, JournalFile};

/// A gateway about to do something.
struct Scene {
    name: &'static str,
    simulation: fn() -> Simulation,
    /// What it is about to do.
    act: fn(&Gateway),
    /// Whether the gateway is as it may be in the end.
    ends: fn(&Simulation) -> bool,
}

fn a_run(gateway: &Gateway) {
    let _ = run(gateway);
}

fn manual_rollback(gateway: &Gateway) {
    let _ = roll_back_manually(gateway, None);
}

fn with_release(mut simulation: Simulation) -> Simulation {
    simulation.release(NEW);
    simulation
}

fn rebooted() -> Simulation {
    let simulation = settled();
    simulation.host.reboot(RUN.into());
    simulation
}

/// The way to the only remote leads through a tunnel that the new release removes.
fn about_to_cut_itself_off() -> Simulation {
    let simulation = with_release(settled());
    simulation.host.with(|world| {
        world.way = Some(|network| network.links.keys().any(|device| device.to_string() == "tl-3"));
    });
    simulation
}

fn about_to_fail_at_first() -> Simulation {
    let simulation = with_release(Simulation::new());
    simulation
        .host
        .with(|world| world.masked.insert("tunnel/tl-4".parse().unwrap(), Duration::ZERO));
    simulation
}

fn updated() -> Simulation {
    let simulation = with_release(settled());
    simulation.converge();
    simulation
}

fn damaged_by_hand() -> Simulation {
    let simulation = settled();
    simulation.host.with(|world| {
        world.network.routes.clear();
        let open = Ipv6 { carried: true, autonomous: true };
        world.network.ipv6.insert("tl-2".parse().unwrap(), open);
        world.network.table = None;
        world.processes.clear();
    });
    simulation
}

fn with_new_root() -> Simulation {
    let mut simulation = settled();
    simulation.rotate_root();
    simulation.release(NEW);
    simulation
}

/// A gateway with the release [`OLD`] in place, and a relay behind each tunnel.
fn settled_with_relays() -> Simulation {
    let mut simulation = Simulation::with_relays();
    simulation.release(OLD);
    simulation.converge();
    simulation
}

fn relays_damaged_by_hand() -> Simulation {
    let simulation = settled_with_relays();
    simulation.host.with(|world| {
        world.network.links.remove(&"tl-2".parse().unwrap());
        world.processes.remove(&"relay/tl-3".parse().unwrap());
    });
    simulation
}

fn relays_about_to_be_cut_off() -> Simulation {
    let simulation = with_release(settled_with_relays());
    super::rollbacks::depend_on_peer_3(&simulation);
    simulation
}

const SCENES: [Scene; 13] = [
    Scene {
        name: "first install",
        simulation: || with_release(Simulation::new()),
        act: a_run,
        ends: |simulation| simulation.runs(NEW),
    },
    Scene {
        name: "first install that fails",
        simulation: about_to_fail_at_first,
        act: a_run,
        ends: Simulation::is_bare,
    },
    Scene {
        name: "update",
        simulation: || with_release(settled()),
        act: a_run,
        ends: |simulation| simulation.runs(NEW),
    },
    Scene {
        name: "reboot and update",
        simulation: || with_release(rebooted()),
        act: a_run,
        ends: |simulation| simulation.runs(NEW),
    },
    Scene {
        name: "reboot",
        simulation: rebooted,
        act: a_run,
        ends: |simulation| simulation.runs(OLD),
    },
    Scene {
        name: "rollback",
        simulation: about_to_cut_itself_off,
        act: a_run,
        ends: |simulation| simulation.runs(OLD),
    },
    Scene {
        name: "rollback by hand",
        simulation: updated,
        act: manual_rollback,
        ends: |simulation| simulation.runs(OLD) || simulation.runs(NEW),
    },
    Scene {
        name: "drift repair",
        simulation: damaged_by_hand,
        act: a_run,
        ends: |simulation| simulation.runs(OLD),
    },
    Scene {
        name: "first install of a kind with a daemon, a file and a reload",
        simulation: || with_release(Simulation::with_relays()),
        act: a_run,
        ends: |simulation| simulation.runs(NEW),
    },
    Scene {
        name: "update of it",
        simulation: || with_release(settled_with_relays()),
        act: a_run,
        ends: |simulation| simulation.runs(NEW),
    },
    Scene {
        name: "rollback of it",
        simulation: relays_about_to_be_cut_off,
        act: a_run,
        ends: |simulation| simulation.runs(OLD),
    },
    Scene {
        name: "drift repair of it",
        simulation: relays_damaged_by_hand,
        act: a_run,
        ends: |simulation| simulation.runs(OLD),
    },
    Scene {
        name: "root rotation and update",
        simulation: with_new_root,
        act: a_run,
        ends: |simulation| simulation.runs(NEW),
    },
];

/// What happens between a crash and the next run.
type Pause = fn(&Simulation);

const SOON: Pause = |_| {};
const LATE: Pause = |simulation| simulation.wait(600);
const REBOOT: Pause = |simulation| simulation.host.reboot(RUN.into());

/// The link leads to something whole, or nowhere before the first one and after its undoing.
fn check_disk(simulation: &Simulation, place: &str) {
    let current = generation::current(&simulation.host, STATE.into()).unwrap();
    assert!(!matches!(current, Current::Damaged { .. }), "{place}: {current:?}");
}

/// Undisturbed runs, until nothing changes any more.
fn settle(simulation: &Simulation, place: &str) {
    for _ in 0..3 {
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        let fine = matches!(
            ended,
            Ok(Outcome::Converged | Outcome::RolledBack { .. } | Outcome::Undone { .. })
        );
        assert!(fine, "{place}: {ended:?}");
    }
    assert_eq!(simulation.effects(), [format!("write {RUN}/status.json")], "{place}");
    assert_eq!(Journal::load(&simulation.host, STATE.into()), JournalFile::Absent, "{place}");
}

/// Runs each scene with `fate` at every effect, lets `more` happen, and looks at how it ends up.
fn at_every_effect(
    fate: fn(usize) -> Fate,
    ends: impl Fn(&Scene, &Simulation) -> bool,
    more: impl Fn(&Simulation, usize, &str),
) -> usize {
    let mut points = 0;
    for scene in SCENES {
        let simulation = (scene.simulation)();
        let start: World = simulation.host.with(|world| world.clone());
        for n in 0.. {
            simulation.host.with(|world| *world = start.clone());
            let place = format!("{}, effect {n}", scene.name);
            let ended = simulation.act(fate(n), scene.act);
            if ended.is_some() && simulation.effects().len() <= n {
                break;
            }
            points += 1;
            check_disk(&simulation, &place);
            more(&simulation, n, &place);
            settle(&simulation, &place);
            assert!(ends(&scene, &simulation), "{place}: {:#?}", simulation.disk());
        }
    }
    points
}

/// For when a release may have been taken back although there was nothing wrong with it.
fn old_or_new(scene: &Scene, simulation: &Simulation) -> bool {
    (scene.ends)(simulation) || simulation.runs(OLD) || simulation.is_bare()
}

#[test]
fn dying_at_any_effect_ends_as_without() {
    let points = at_every_effect(
        Fate::Die,
        |scene, simulation| (scene.ends)(simulation),
        |simulation, _, _| SOON(simulation),
    );
    eprintln!("died at {points} effects");
    assert!(points > 200, "{points}");
}

#[test]
fn dying_at_any_effect_and_coming_back_late_ends_old_or_new() {
    let points = at_every_effect(Fate::Die, old_or_new, |simulation, _, _| LATE(simulation));
    assert!(points > 200, "{points}");
}

#[test]
fn dying_at_any_effect_with_the_machine_ends_old_or_new() {
    let points = at_every_effect(Fate::Die, old_or_new, |simulation, _, _| REBOOT(simulation));
    assert!(points > 200, "{points}");
}

#[test]
fn refusing_any_effect_ends_as_without() {
    let points = at_every_effect(
        Fate::Refuse,
        |scene, simulation| (scene.ends)(simulation),
        |simulation, _, _| SOON(simulation),
    );
    eprintln!("refused {points} effects");
    assert!(points > 200, "{points}");
}

/// Dies at every effect and, in the run after it, at every one of those for which `tried` says so.
fn dying_twice(tried: fn(usize, usize) -> bool) -> usize {
    let mut points = 0;
    for pause in [SOON, LATE, REBOOT] {
        for scene in SCENES {
            let simulation = (scene.simulation)();
            let start: World = simulation.host.with(|world| world.clone());
            for n in 0.. {
                simulation.host.with(|world| *world = start.clone());
                let ended = simulation.act(Fate::Die(n), scene.act);
                if ended.is_some() {
                    break;
                }
                pause(&simulation);
                let between: World = simulation.host.with(|world| world.clone());
                for m in 0.. {
                    if !tried(n, m) {
                        continue;
                    }
                    simulation.host.with(|world| *world = between.clone());
                    let place = format!("{}, effect {n}, then {m}", scene.name);
                    let ended = simulation.run(Fate::Die(m));
                    if ended.is_some() {
                        break;
                    }
                    points += 1;
                    check_disk(&simulation, &place);
                    pause(&simulation);
                    settle(&simulation, &place);
                    assert!(old_or_new(&scene, &simulation), "{place}: {:#?}", simulation.disk());
                }
            }
        }
    }
    points
}

#[test]
fn dying_again_while_recovering_ends_old_or_new() {
    let points = dying_twice(|n, m| (n * 31 + m * 17) % 23 == 0);
    eprintln!("died twice at {points} pairs of effects");
    assert!(points > 200, "{points}");
}

/// The same at every pair of effects.
#[test]
#[ignore = "takes minutes: make soak"]
fn dying_again_at_every_effect_of_every_recovery_ends_old_or_new() {
    let points = dying_twice(|_, _| true);
    eprintln!("died twice at {points} pairs of effects");
    assert!(points > 5000, "{points}");
}
