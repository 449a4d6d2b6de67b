//! Taking up what was cut off, and damage that nobody foresaw: with the whole machine in memory.

use super::rollbacks::{damage, depend_on_peer_3, switched_at};
use super::simulation::{RUN, STATE, Simulation};
use super::tests::{NEW, OLD, settled};
use super::*;
use crate::host::fake::Fate;
use crate::reconcile::{Journal, JournalFile, LastRun, OutcomeKind, ReleaseError};

/// A gateway whose run died when the new release was linked and nothing of it was done yet.
fn cut_off() -> Simulation {
    let mut simulation = settled();
    simulation.release(NEW);
    let at = switched_at(&simulation);
    assert!(simulation.run(Fate::Die(at)).is_none());
    simulation
}

fn without_remote(simulation: &Simulation) {
    simulation.host.with(|world| world.served.clear());
}

fn alarm(ended: Result<Outcome, RunError>) -> Alarm {
    match ended {
        Err(RunError::Alarm(alarm)) => alarm,
        _ => panic!("{ended:?}"),
    }
}

#[test]
fn in_its_window_it_goes_on() {
    let simulation = cut_off();
    assert!(!simulation.runs(NEW));
    let said = simulation.converge();
    assert!(said.starts_with("release 2 applied: "), "{said}");
    assert!(simulation.runs(NEW));
}

#[test]
fn after_its_window_or_a_reboot_it_goes_back_without_any_network() {
    for (pause, why) in [
        ((|simulation| simulation.wait(121)) as fn(&Simulation), "its time has passed"),
        (
            |simulation| simulation.host.reboot(RUN.into()),
            "this host was booted before it was confirmed",
        ),
    ] {
        let simulation = cut_off();
        pause(&simulation);
        without_remote(&simulation);
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        let told = matches!(&ended, Ok(Outcome::RolledBack { release: 2, reason }) if reason.contains(why));
        assert!(told, "{ended:?}");
        assert!(simulation.runs(OLD));
    }
}

#[test]
fn what_proved_healthy_stays_whatever_comes() {
    let mut simulation = settled();
    simulation.release(NEW);
    let before = simulation.host.with(|world| world.clone());
    simulation.converge();
    let journal = format!("write {STATE}/journal.json");
    let committed = simulation.effects().iter().rposition(|effect| *effect == journal).unwrap();
    for n in committed + 1..simulation.effects().len() {
        simulation.host.with(|world| *world = before.clone());
        assert!(simulation.run(Fate::Die(n)).is_none());
        simulation.host.reboot(RUN.into());
        let _ = simulation.run(Fate::Kind).unwrap();
        assert!(simulation.runs(NEW), "effect {n}");
        assert_eq!(simulation.converge(), "");
    }
}

/// The machine goes down after the commit, and its disk is full by the time it comes up.
#[test]
fn on_a_full_disk_what_proved_healthy_runs_again_after_a_boot() {
    let mut simulation = settled();
    simulation.release(NEW);
    let before = simulation.host.with(|world| world.clone());
    simulation.converge();
    let noted = format!("write {STATE}/history.json");
    let at = simulation.effects().iter().rposition(|effect| *effect == noted).unwrap();
    simulation.host.with(|world| *world = before);
    assert!(simulation.run(Fate::Die(at)).is_none());
    simulation.host.reboot(RUN.into());
    let (ended, _) = simulation.run(Fate::Refuse(1)).unwrap();
    assert_eq!(simulation.effects().get(1), Some(&noted));
    assert!(matches!(ended, Err(RunError::Journal(_))), "{ended:?}");
    assert!(simulation.runs(NEW));
    assert_eq!(simulation.converge(), "");
}

/// The disk came up read-only, so the link stays on what had not proved healthy.
#[test]
fn where_the_link_cannot_go_back_what_is_in_use_runs_after_a_boot() {
    let simulation = cut_off();
    simulation.host.reboot(RUN.into());
    let before = simulation.host.with(|world| world.clone());
    let _ = simulation.run(Fate::Kind);
    let link = format!("link {STATE}/current");
    let at = simulation.effects().iter().position(|effect| *effect == link).unwrap();
    simulation.host.with(|world| *world = before);
    let (ended, _) = simulation.run(Fate::Refuse(at)).unwrap();
    assert!(matches!(ended, Err(RunError::RollbackFailed { release: 2, .. })), "{ended:?}");
    assert!(simulation.runs(NEW));
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Ok(Outcome::RolledBack { release: 2, .. })), "{ended:?}");
    assert!(simulation.runs(OLD));
}

#[test]
fn at_boot_the_link_goes_back_before_anything_starts() {
    let simulation = cut_off();
    simulation.host.reboot(RUN.into());
    let back = |gateway: &Gateway| recover_link(gateway);
    assert_eq!(simulation.act(Fate::Kind, back).unwrap().unwrap(), Some(2));
    let effects = simulation.effects();
    let expected = [
        format!("create {RUN}"),
        format!("write {STATE}/journal.json"),
        format!("link {STATE}/current"),
    ];
    assert_eq!(effects, expected);
    assert_eq!(simulation.act(Fate::Kind, back).unwrap().unwrap(), Some(2), "and stays");
    assert_eq!(simulation.effects(), [""; 0]);
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(matches!(ended, Ok(Outcome::RolledBack { release: 2, .. })), "{ended:?}");
    assert!(simulation.runs(OLD));
    assert_eq!(simulation.act(Fate::Kind, back).unwrap().unwrap(), None);
}

#[test]
fn in_its_window_the_boot_command_leaves_it_alone() {
    let simulation = cut_off();
    let back = |gateway: &Gateway| recover_link(gateway);
    assert_eq!(simulation.act(Fate::Kind, back).unwrap().unwrap(), None);
    assert_eq!(simulation.effects(), [""; 0]);
}

#[test]
fn a_rollback_that_is_cut_off_again_and_again_is_left_alone() {
    let simulation = cut_off();
    simulation.wait(200);
    for _ in 0..5 {
        // The journal says that it goes back, and then the machine goes down.
        assert!(simulation.run(Fate::Die(2)).is_none());
        simulation.host.reboot(RUN.into());
    }
    for _ in 0..2 {
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        assert_eq!(alarm(ended), Alarm::CutOff { release: 2, times: 5 });
        let noted = |effect: &String| {
            effect.ends_with("/status.json") || *effect == format!("create {RUN}")
        };
        assert!(simulation.effects().iter().all(noted), "{:?}", simulation.effects());
        let last = LastRun::load(&simulation.host, &simulation.config.paths).unwrap();
        assert_eq!(last.outcome, OutcomeKind::Alarm);
    }
    assert!(simulation.act(Fate::Kind, forget_transaction).unwrap().unwrap());
    simulation.run(Fate::Kind).unwrap().0.unwrap();
    assert!(simulation.runs(NEW) || simulation.runs(OLD));
}

#[test]
fn a_release_that_is_cut_off_again_and_again_is_undone() {
    let simulation = cut_off();
    for _ in 0..5 {
        assert!(simulation.run(Fate::Die(2)).is_none());
    }
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    let told =
        matches!(&ended, Ok(Outcome::RolledBack { reason, .. }) if reason.contains("5 times"));
    assert!(told, "{ended:?}");
    assert!(simulation.runs(OLD));
}

#[test]
fn without_a_way_back_there_is_an_alarm_and_what_runs_stays() {
    let mut simulation = settled();
    depend_on_peer_3(&simulation);
    simulation.release(NEW);
    let at = switched_at(&simulation);
    assert!(simulation.run(Fate::Die(at)).is_none());
    damage(&simulation, "1-");
    simulation.wait(200);
    for _ in 0..2 {
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        assert_eq!(alarm(ended), Alarm::NoWayBack { release: 2 });
        // Nothing is switched, but what is in place is kept running.
        assert!(
            !simulation.effects().iter().any(|effect| effect.contains("current")),
            "{:?}",
            simulation.effects()
        );
        assert!(simulation.runs(NEW));
    }
    // The same where it fails while it is being watched.
    let mut simulation = settled();
    depend_on_peer_3(&simulation);
    simulation.release(NEW);
    damage(&simulation, "1-");
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(alarm(ended), Alarm::NoWayBack { release: 2 });
}

#[test]
fn a_damaged_release_in_its_window_goes_back() {
    let simulation = cut_off();
    damage(&simulation, "2-");
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    let told =
        matches!(&ended, Ok(Outcome::RolledBack { reason, .. }) if reason.contains("damaged"));
    assert!(told, "{ended:?}");
    assert!(simulation.runs(OLD));
}

const JUNK: [&[u8]; 5] = [b"", b"{", b"{\"format\":2}", b"{\"format\":3}", b"\xff\xfe"];

#[test]
fn a_journal_that_cannot_be_read_leaves_what_is_whole() {
    for junk in JUNK {
        let simulation = settled();
        without_remote(&simulation);
        simulation.host.put(&format!("{STATE}/journal.json"), junk);
        let (ended, report) = simulation.run(Fate::Kind).unwrap();
        let unreachable = matches!(ended, Err(RunError::Release(ReleaseError::NoRemote { .. })));
        assert!(unreachable, "{ended:?}");
        assert!(report.warnings[0].contains("journal"), "{:?}", report.warnings);
        assert!(simulation.runs(OLD));
        assert_eq!(Journal::load(&simulation.host, STATE.into()), JournalFile::Absent);
    }
}

#[test]
fn a_damaged_generation_without_network_gives_way_to_the_one_before() {
    for junk in [None, Some(JUNK[1])] {
        let mut simulation = settled();
        simulation.release(NEW);
        simulation.converge();
        damage(&simulation, "2-");
        if let Some(junk) = junk {
            simulation.host.put(&format!("{STATE}/journal.json"), junk);
        }
        simulation.host.reboot(RUN.into());
        let served = simulation.host.with(|world| std::mem::take(&mut world.served));
        let (ended, report) = simulation.run(Fate::Kind).unwrap();
        assert!(matches!(ended, Err(RunError::Release(_))), "{ended:?}");
        let told = report.warnings.iter().any(|text| text.contains("release 1 is in use until"));
        assert!(told, "{:?}", report.warnings);
        assert!(simulation.runs(OLD));
        // And comes back when a remote does.
        simulation.host.with(|world| world.served = served);
        simulation.converge();
        assert!(simulation.runs(NEW));
    }
}

#[test]
fn without_anything_whole_and_without_network_nothing_is_touched() {
    for junk in [None, Some(JUNK[1])] {
        let simulation = settled();
        damage(&simulation, "1-");
        if let Some(junk) = junk {
            simulation.host.put(&format!("{STATE}/journal.json"), junk);
        }
        let served = simulation.host.with(|world| std::mem::take(&mut world.served));
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        assert!(matches!(alarm(ended), Alarm::Damaged { .. }));
        assert!(simulation.runs(OLD), "the processes go on");
        let touched = simulation.effects().iter().any(|effect| effect.contains("tl-"));
        assert!(!touched, "{:?}", simulation.effects());
        simulation.host.with(|world| world.served = served);
        simulation.run(Fate::Kind).unwrap().0.unwrap();
        assert_eq!(simulation.converge(), "");
    }
}

#[test]
fn a_link_that_is_gone_is_no_first_install() {
    let simulation = settled();
    simulation.act(Fate::Kind, |gateway| {
        generation::unlink(gateway.machine.files, &gateway.config.paths.state)
    });
    without_remote(&simulation);
    let _ = simulation.run(Fate::Kind).unwrap();
    assert!(simulation.runs(OLD));
    assert!(simulation.disk().iter().any(|line| line.contains("current ->")));
}
