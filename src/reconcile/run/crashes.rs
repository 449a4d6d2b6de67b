//! A machine that dies at any effect, or refuses it, and again while it recovers: whatever is left
//! is the old generation or the new, and undisturbed runs end with one of them running whole.

use std::time::Duration;

use super::tests::{NEW, OLD, settled};
use super::town::{RUN, STATE, Town};
use super::*;
use crate::host::fake::{Fate, World};
use crate::reconcile::{Found, Journal, roll_back_by_hand};

/// A gateway about to do something.
struct Scene {
    name: &'static str,
    town: fn() -> Town,
    /// What it is about to do.
    act: fn(&Gateway),
    /// Whether the gateway is as it may be in the end.
    ends: fn(&Town) -> bool,
}

fn a_run(gateway: &Gateway) {
    let _ = run(gateway, &mut Report::default());
}

fn by_hand(gateway: &Gateway) {
    let _ = roll_back_by_hand(gateway, None, &mut Report::default());
}

fn with_release(town: Town) -> Town {
    let mut town = town;
    town.release(NEW);
    town
}

fn rebooted() -> Town {
    let town = settled();
    town.host.reboot(RUN.into());
    town
}

/// The way to the only remote leads through a tunnel that the new release removes.
fn about_to_cut_itself_off() -> Town {
    let town = with_release(settled());
    town.host.with(|world| {
        world.way = Some(|network| network.links.keys().any(|device| device.to_string() == "tl-3"));
    });
    town
}

fn about_to_fail_at_first() -> Town {
    let town = with_release(Town::new());
    town.host.with(|world| world.masked.insert("tl-4".parse().unwrap(), Duration::ZERO));
    town
}

fn updated() -> Town {
    let town = with_release(settled());
    town.converge();
    town
}

fn damaged_by_hand() -> Town {
    let town = settled();
    town.host.with(|world| {
        world.network.routes.clear();
        world.network.table = None;
        world.processes.clear();
    });
    town
}

fn with_new_root() -> Town {
    let mut town = settled();
    town.rotate_root();
    town.release(NEW);
    town
}

const SCENES: [Scene; 9] = [
    Scene {
        name: "first install",
        town: || with_release(Town::new()),
        act: a_run,
        ends: |town| town.runs(NEW),
    },
    Scene {
        name: "first install that fails",
        town: about_to_fail_at_first,
        act: a_run,
        ends: Town::is_bare,
    },
    Scene {
        name: "update",
        town: || with_release(settled()),
        act: a_run,
        ends: |town| town.runs(NEW),
    },
    Scene {
        name: "reboot and update",
        town: || with_release(rebooted()),
        act: a_run,
        ends: |town| town.runs(NEW),
    },
    Scene { name: "reboot", town: rebooted, act: a_run, ends: |town| town.runs(OLD) },
    Scene {
        name: "rollback",
        town: about_to_cut_itself_off,
        act: a_run,
        ends: |town| town.runs(OLD),
    },
    Scene {
        name: "rollback by hand",
        town: updated,
        act: by_hand,
        ends: |town| town.runs(OLD) || town.runs(NEW),
    },
    Scene { name: "drift repair", town: damaged_by_hand, act: a_run, ends: |town| town.runs(OLD) },
    Scene {
        name: "root rotation and update",
        town: with_new_root,
        act: a_run,
        ends: |town| town.runs(NEW),
    },
];

/// What happens between a crash and the next run.
type Pause = fn(&Town);

const SOON: Pause = |_| {};
const LATE: Pause = |town| town.wait(600);
const REBOOT: Pause = |town| town.host.reboot(RUN.into());

/// The link leads to something whole, or nowhere before the first one and after its undoing.
fn check_disk(town: &Town, place: &str) {
    let current = generation::current(&town.host, STATE.into()).unwrap();
    assert!(!matches!(current, Current::Damaged { .. }), "{place}: {current:?}");
}

/// Undisturbed runs, until nothing changes any more.
fn settle(town: &Town, place: &str) {
    for _ in 0..3 {
        let (ended, _) = town.run(Fate::Kind).unwrap();
        let fine =
            matches!(ended, Ok(()) | Err(RunError::RolledBack { .. } | RunError::Undone { .. }));
        assert!(fine, "{place}: {ended:?}");
    }
    assert_eq!(town.effects(), [format!("write {RUN}/status.json")], "{place}");
    assert_eq!(Journal::load(&town.host, STATE.into()), Found::Nothing, "{place}");
}

/// Runs each scene with `fate` at every effect, lets `more` happen, and looks at how it ends up.
fn at_every_effect(
    fate: fn(usize) -> Fate,
    ends: impl Fn(&Scene, &Town) -> bool,
    more: impl Fn(&Town, usize, &str),
) -> usize {
    let mut points = 0;
    for scene in SCENES {
        let town = (scene.town)();
        let start: World = town.host.with(|world| world.clone());
        for n in 0.. {
            town.host.with(|world| *world = start.clone());
            let place = format!("{}, effect {n}", scene.name);
            let ended = town.act(fate(n), scene.act);
            if ended.is_some() && town.effects().len() <= n {
                break;
            }
            points += 1;
            check_disk(&town, &place);
            more(&town, n, &place);
            settle(&town, &place);
            assert!(ends(&scene, &town), "{place}: {:#?}", town.disk());
        }
    }
    points
}

/// For when a release may have been taken back although there was nothing wrong with it.
fn old_or_new(scene: &Scene, town: &Town) -> bool {
    (scene.ends)(town) || town.runs(OLD) || town.is_bare()
}

#[test]
fn dying_at_any_effect_ends_as_without() {
    let points =
        at_every_effect(Fate::Die, |scene, town| (scene.ends)(town), |town, _, _| SOON(town));
    eprintln!("died at {points} effects");
    assert!(points > 200, "{points}");
}

#[test]
fn dying_at_any_effect_and_coming_back_late_ends_old_or_new() {
    let points = at_every_effect(Fate::Die, old_or_new, |town, _, _| LATE(town));
    assert!(points > 200, "{points}");
}

#[test]
fn dying_at_any_effect_with_the_machine_ends_old_or_new() {
    let points = at_every_effect(Fate::Die, old_or_new, |town, _, _| REBOOT(town));
    assert!(points > 200, "{points}");
}

#[test]
fn refusing_any_effect_ends_as_without() {
    let points =
        at_every_effect(Fate::Refuse, |scene, town| (scene.ends)(town), |town, _, _| SOON(town));
    eprintln!("refused {points} effects");
    assert!(points > 200, "{points}");
}

/// Dies at every effect and, in the run after it, at every one of those for which `tried` says so.
fn dying_twice(tried: fn(usize, usize) -> bool) -> usize {
    let mut points = 0;
    for pause in [SOON, LATE, REBOOT] {
        for scene in SCENES {
            let town = (scene.town)();
            let start: World = town.host.with(|world| world.clone());
            for n in 0.. {
                town.host.with(|world| *world = start.clone());
                let ended = town.act(Fate::Die(n), scene.act);
                if ended.is_some() {
                    break;
                }
                pause(&town);
                let between: World = town.host.with(|world| world.clone());
                for m in 0.. {
                    if !tried(n, m) {
                        continue;
                    }
                    town.host.with(|world| *world = between.clone());
                    let place = format!("{}, effect {n}, then {m}", scene.name);
                    let ended = town.run(Fate::Die(m));
                    if ended.is_some() {
                        break;
                    }
                    points += 1;
                    check_disk(&town, &place);
                    pause(&town);
                    settle(&town, &place);
                    assert!(old_or_new(&scene, &town), "{place}: {:#?}", town.disk());
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
