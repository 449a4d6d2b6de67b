//! Taking up what was cut off, and damage that nobody foresaw: with the whole machine in memory.

use super::rollbacks::{damage, depend_on_peer_3, switched_at};
use super::tests::{NEW, OLD, settled};
use super::town::{RUN, STATE, Town};
use super::*;
use crate::host::fake::Fate;
use crate::reconcile::{Found, Journal, LastRun, Outcome, ReleaseError, forget, put_back};

/// A gateway whose run died when the new release was linked and nothing of it was done yet.
fn cut_off() -> Town {
    let mut town = settled();
    town.release(NEW);
    let at = switched_at(&town);
    assert!(town.run(Fate::Die(at)).is_none());
    town
}

fn without_remote(town: &Town) {
    town.host.with(|world| world.served.clear());
}

fn alarm(ended: Result<(), RunError>) -> Alarm {
    match ended {
        Err(RunError::Alarm(alarm)) => alarm,
        _ => panic!("{ended:?}"),
    }
}

#[test]
fn in_its_window_it_goes_on() {
    let town = cut_off();
    assert!(!town.runs(NEW));
    let said = town.converge();
    assert!(said.starts_with("release 2 applied: "), "{said}");
    assert!(town.runs(NEW));
}

#[test]
fn after_its_window_or_a_reboot_it_goes_back_without_any_network() {
    for (pause, why) in [
        ((|town| town.wait(121)) as fn(&Town), "its time has passed"),
        (|town| town.host.reboot(RUN.into()), "this host was booted before it was confirmed"),
    ] {
        let town = cut_off();
        pause(&town);
        without_remote(&town);
        let (ended, _) = town.run(Fate::Kind).unwrap();
        let told = matches!(&ended, Err(RunError::RolledBack { release: 2, reason }) if reason.contains(why));
        assert!(told, "{ended:?}");
        assert!(town.runs(OLD));
    }
}

#[test]
fn what_proved_healthy_stays_whatever_comes() {
    let mut town = settled();
    town.release(NEW);
    let before = town.host.with(|world| world.clone());
    town.converge();
    let journal = format!("write {STATE}/journal.json");
    let committed = town.effects().iter().rposition(|effect| *effect == journal).unwrap();
    for n in committed + 1..town.effects().len() {
        town.host.with(|world| *world = before.clone());
        assert!(town.run(Fate::Die(n)).is_none());
        town.host.reboot(RUN.into());
        let _ = town.run(Fate::Kind).unwrap();
        assert!(town.runs(NEW), "effect {n}");
        assert_eq!(town.converge(), "");
    }
}

/// The machine goes down after the commit, and its disk is full by the time it comes up.
#[test]
fn on_a_full_disk_what_proved_healthy_runs_again_after_a_boot() {
    let mut town = settled();
    town.release(NEW);
    let before = town.host.with(|world| world.clone());
    town.converge();
    let noted = format!("write {STATE}/history.json");
    let at = town.effects().iter().rposition(|effect| *effect == noted).unwrap();
    town.host.with(|world| *world = before);
    assert!(town.run(Fate::Die(at)).is_none());
    town.host.reboot(RUN.into());
    let (ended, _) = town.run(Fate::Refuse(1)).unwrap();
    assert_eq!(town.effects().get(1), Some(&noted));
    assert!(matches!(ended, Err(RunError::Journal(_))), "{ended:?}");
    assert!(town.runs(NEW));
    assert_eq!(town.converge(), "");
}

/// The disk came up read-only, so the link stays on what had not proved healthy.
#[test]
fn where_the_link_cannot_go_back_what_is_in_use_runs_after_a_boot() {
    let town = cut_off();
    town.host.reboot(RUN.into());
    let before = town.host.with(|world| world.clone());
    let _ = town.run(Fate::Kind);
    let link = format!("link {STATE}/current");
    let at = town.effects().iter().position(|effect| *effect == link).unwrap();
    town.host.with(|world| *world = before);
    let (ended, _) = town.run(Fate::Refuse(at)).unwrap();
    assert!(matches!(ended, Err(RunError::RollbackFailed { release: 2, .. })), "{ended:?}");
    assert!(town.runs(NEW));
    let (ended, _) = town.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Err(RunError::RolledBack { release: 2, .. })), "{ended:?}");
    assert!(town.runs(OLD));
}

#[test]
fn at_boot_the_link_goes_back_before_anything_starts() {
    let town = cut_off();
    town.host.reboot(RUN.into());
    let back = |gateway: &Gateway| put_back(gateway, &mut Report::default());
    assert_eq!(town.act(Fate::Kind, back).unwrap().unwrap(), Some(2));
    let effects = town.effects();
    let expected = [
        format!("create {RUN}"),
        format!("write {STATE}/journal.json"),
        format!("link {STATE}/current"),
    ];
    assert_eq!(effects, expected);
    assert_eq!(town.act(Fate::Kind, back).unwrap().unwrap(), Some(2), "and stays");
    assert_eq!(town.effects(), [""; 0]);
    let (ended, _) = town.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Err(RunError::RolledBack { release: 2, .. })), "{ended:?}");
    assert!(town.runs(OLD));
    assert_eq!(town.act(Fate::Kind, back).unwrap().unwrap(), None);
}

#[test]
fn in_its_window_the_boot_command_leaves_it_alone() {
    let town = cut_off();
    let back = |gateway: &Gateway| put_back(gateway, &mut Report::default());
    assert_eq!(town.act(Fate::Kind, back).unwrap().unwrap(), None);
    assert_eq!(town.effects(), [""; 0]);
}

#[test]
fn a_rollback_that_is_cut_off_again_and_again_is_left_alone() {
    let town = cut_off();
    town.wait(200);
    for _ in 0..5 {
        // The journal says that it goes back, and then the machine goes down.
        assert!(town.run(Fate::Die(2)).is_none());
        town.host.reboot(RUN.into());
    }
    for _ in 0..2 {
        let (ended, _) = town.run(Fate::Kind).unwrap();
        assert_eq!(alarm(ended), Alarm::CutOff { release: 2, times: 5 });
        let noted = |effect: &String| {
            effect.ends_with("/status.json") || *effect == format!("create {RUN}")
        };
        assert!(town.effects().iter().all(noted), "{:?}", town.effects());
        let last = LastRun::load(&town.host, &town.config.paths).unwrap();
        assert_eq!(last.outcome, Outcome::Alarm);
    }
    assert!(town.act(Fate::Kind, forget).unwrap().unwrap());
    town.run(Fate::Kind).unwrap().0.unwrap();
    assert!(town.runs(NEW) || town.runs(OLD));
}

#[test]
fn a_release_that_is_cut_off_again_and_again_is_undone() {
    let town = cut_off();
    for _ in 0..5 {
        assert!(town.run(Fate::Die(2)).is_none());
    }
    let (ended, _) = town.run(Fate::Kind).unwrap();
    let told =
        matches!(&ended, Err(RunError::RolledBack { reason, .. }) if reason.contains("5 times"));
    assert!(told, "{ended:?}");
    assert!(town.runs(OLD));
}

#[test]
fn without_a_way_back_there_is_an_alarm_and_what_runs_stays() {
    let mut town = settled();
    depend_on_peer_3(&town);
    town.release(NEW);
    let at = switched_at(&town);
    assert!(town.run(Fate::Die(at)).is_none());
    damage(&town, "1-");
    town.wait(200);
    for _ in 0..2 {
        let (ended, _) = town.run(Fate::Kind).unwrap();
        assert_eq!(alarm(ended), Alarm::NoWayBack { release: 2 });
        // Nothing is switched, but what is in place is kept running.
        assert!(
            !town.effects().iter().any(|effect| effect.contains("current")),
            "{:?}",
            town.effects()
        );
        assert!(town.runs(NEW));
    }
    // The same where it fails while it is being watched.
    let mut town = settled();
    depend_on_peer_3(&town);
    town.release(NEW);
    damage(&town, "1-");
    let (ended, _) = town.run(Fate::Kind).unwrap();
    assert_eq!(alarm(ended), Alarm::NoWayBack { release: 2 });
}

#[test]
fn a_damaged_release_in_its_window_goes_back() {
    let town = cut_off();
    damage(&town, "2-");
    let (ended, _) = town.run(Fate::Kind).unwrap();
    let told =
        matches!(&ended, Err(RunError::RolledBack { reason, .. }) if reason.contains("damaged"));
    assert!(told, "{ended:?}");
    assert!(town.runs(OLD));
}

const JUNK: [&[u8]; 4] = [b"", b"{", b"{\"format\":2}", b"\xff\xfe"];

#[test]
fn a_journal_that_cannot_be_read_leaves_what_is_whole() {
    for junk in JUNK {
        let town = settled();
        without_remote(&town);
        town.host.put(&format!("{STATE}/journal.json"), junk);
        let (ended, report) = town.run(Fate::Kind).unwrap();
        let unreachable = matches!(ended, Err(RunError::Release(ReleaseError::NoRemote { .. })));
        assert!(unreachable, "{ended:?}");
        assert!(report.warnings[0].contains("journal"), "{:?}", report.warnings);
        assert!(town.runs(OLD));
        assert_eq!(Journal::load(&town.host, STATE.into()), Found::Nothing);
    }
}

#[test]
fn a_damaged_generation_without_network_gives_way_to_the_one_before() {
    for junk in [None, Some(JUNK[1])] {
        let mut town = settled();
        town.release(NEW);
        town.converge();
        damage(&town, "2-");
        if let Some(junk) = junk {
            town.host.put(&format!("{STATE}/journal.json"), junk);
        }
        town.host.reboot(RUN.into());
        let served = town.host.with(|world| std::mem::take(&mut world.served));
        let (ended, report) = town.run(Fate::Kind).unwrap();
        assert!(matches!(ended, Err(RunError::Release(_))), "{ended:?}");
        let told = report.warnings.iter().any(|text| text.contains("release 1 is in use until"));
        assert!(told, "{:?}", report.warnings);
        assert!(town.runs(OLD));
        // And comes back when a remote does.
        town.host.with(|world| world.served = served);
        town.converge();
        assert!(town.runs(NEW));
    }
}

#[test]
fn without_anything_whole_and_without_network_nothing_is_touched() {
    for junk in [None, Some(JUNK[1])] {
        let town = settled();
        damage(&town, "1-");
        if let Some(junk) = junk {
            town.host.put(&format!("{STATE}/journal.json"), junk);
        }
        let served = town.host.with(|world| std::mem::take(&mut world.served));
        let (ended, _) = town.run(Fate::Kind).unwrap();
        assert!(matches!(alarm(ended), Alarm::Damaged { .. }));
        assert!(town.runs(OLD), "the processes go on");
        let touched = town.effects().iter().any(|effect| effect.contains("tl-"));
        assert!(!touched, "{:?}", town.effects());
        town.host.with(|world| world.served = served);
        town.run(Fate::Kind).unwrap().0.unwrap();
        assert_eq!(town.converge(), "");
    }
}

#[test]
fn a_link_that_is_gone_is_no_first_install() {
    let town = settled();
    town.act(Fate::Kind, |gateway| {
        stage::unlink(gateway.machine.files, &gateway.config.paths.state)
    });
    without_remote(&town);
    let _ = town.run(Fate::Kind).unwrap();
    assert!(town.runs(OLD));
    assert!(town.disk().iter().any(|line| line.contains("current ->")));
}
