//! What somebody changed by hand, and runs that repair it: also without any remote, on hold, and
//! cut off at any effect.

use super::town::{RUN, STATE, Town, Tunnels};
use super::*;
use crate::host::Files as _;
use crate::host::fake::Fate;
use crate::reconcile::{LastRun, Outcome, ReleaseError, restore};

const OLD: Tunnels = &[(2, 11002), (3, 11003)];
const NEW: Tunnels = &[(2, 12002), (4, 11004)];

/// A gateway with the release [`OLD`] in use, whose remote no longer answers.
fn alone() -> Town {
    let mut town = Town::new();
    town.release(OLD);
    town.converge();
    town.host.with(|world| world.served.clear());
    town
}

/// The directory of the generation in use.
fn place(town: &Town) -> String {
    let current = town.host.read_link(format!("{STATE}/current").as_str().into());
    format!("{STATE}/{}", current.unwrap().unwrap())
}

/// A run without a remote, and its summary.
fn repaired(town: &Town) -> String {
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert!(
        matches!(ended, Err(RunError::Release(ReleaseError::NoRemote { .. }))),
        "{ended:?} {:?}",
        report.warnings
    );
    report.summary()
}

/// Something that is done to a file of a generation.
type Damage = (&'static str, fn(&Town, &str), &'static str);

const DAMAGES: [Damage; 9] = [
    (
        "edited",
        |town, place| town.host.put(&format!("{place}/openvpn/tl-2.conf"), b"up /bin/sh"),
        "repaired: 1 file put back, 1 tunnel restarted",
    ),
    (
        "deleted",
        |town, place| town.host.forget(&format!("{place}/openvpn/tl-2.conf")),
        "repaired: 1 file put back, 1 tunnel restarted",
    ),
    (
        "replaced by a link to the same content",
        |town, place| {
            let path = format!("{place}/openvpn/tl-2.conf");
            let content = town.host.read(path.as_str().into(), 9999).unwrap();
            town.host.put("/tmp/x", &content);
            town.host.link(&path, "/tmp/x");
        },
        "repaired: 1 file put back, 1 tunnel restarted",
    ),
    (
        "the directory replaced by a link",
        |town, place| {
            town.host.forget(&format!("{place}/openvpn"));
            town.host.link(&format!("{place}/openvpn"), "/tmp/elsewhere");
        },
        "repaired: 2 files put back, 2 tunnels restarted",
    ),
    (
        "a directory in place of the file",
        |town, place| {
            town.host.forget(&format!("{place}/nftables/tieline.nft"));
            let path = format!("{place}/nftables/tieline.nft");
            town.host.create_dir(path.as_str().into()).unwrap();
            town.host.put(&format!("{path}/x"), b"");
        },
        "repaired: 1 file put back, firewall changed",
    ),
    (
        "the manifest edited",
        |town, place| town.host.put(&format!("{place}/bundle.json"), b"{}"),
        "repaired: 1 file put back",
    ),
    (
        "the label edited",
        |town, place| town.host.put(&format!("{place}/.generation.json"), b"{}"),
        "repaired: 1 file put back",
    ),
    (
        "the kept bundle edited",
        |town, place| town.host.put(&format!("{place}/{}", restore::BUNDLE), b"x"),
        "repaired: 1 file put back",
    ),
    (
        "the kept bundle deleted",
        |town, place| town.host.forget(&format!("{place}/{}", restore::BUNDLE)),
        "repaired: 1 file put back",
    ),
];

#[test]
fn changed_files_are_put_back_without_a_remote() {
    for (what, damage, said) in DAMAGES {
        let town = alone();
        let before = town.disk();
        damage(&town, &place(&town));
        assert_ne!(town.disk(), before, "{what}");
        assert_eq!(repaired(&town), said, "{what}");
        assert!(town.runs(OLD), "{what}");
        let (after, before) = (town.disk(), before);
        let lasting = |disk: &[String]| -> Vec<String> {
            disk.iter().filter(|line| line.contains("generations")).cloned().collect()
        };
        assert_eq!(lasting(&after), lasting(&before), "{what}");
        assert_eq!(repaired(&town), "", "{what}");
    }
}

#[test]
fn a_repair_that_is_cut_off_is_done_by_the_next_run() {
    let mut points = 0;
    for (what, damage, _) in DAMAGES {
        for fate in [Fate::Die, Fate::Refuse] {
            for n in 0.. {
                let town = alone();
                damage(&town, &place(&town));
                town.run(fate(n));
                if town.effects().len() <= n {
                    break;
                }
                points += 1;
                repaired(&town);
                assert!(town.runs(OLD), "{what}, effect {n}");
                assert_eq!(repaired(&town), "", "{what}, effect {n}");
                // What was changed may have been read, until the process is another.
                let read = town.host.with(|world| world.read.clone());
                assert!(read.values().all(|text| !text.starts_with(b"up")), "{what}, effect {n}");
            }
        }
    }
    assert!(points > 50, "{points}");
}

#[test]
fn a_tunnel_that_read_an_edited_file_is_restarted_although_the_run_dies() {
    // For every crash: its process comes back while the file is wrong, as with Restart=always.
    for n in 0..12 {
        let town = alone();
        let conf = format!("{}/openvpn/tl-2.conf", place(&town));
        town.host.put(&conf, b"up /bin/sh");
        town.host.respawn("tl-2".parse().unwrap());
        town.run(Fate::Die(n));
        repaired(&town);
        assert!(town.runs(OLD), "effect {n}");
    }
}

#[test]
fn drift_is_counted_and_a_reboot_is_none() {
    let town = alone();
    let counts = || LastRun::load(&town.host, &town.config.paths).unwrap().counts;
    assert_eq!(counts().applied, 1);
    town.host.reboot(RUN.into());
    assert!(repaired(&town).contains("2 tunnels added"));
    assert_eq!(counts().drift, crate::reconcile::Drift::default());
    town.host.put(&format!("{}/openvpn/tl-2.conf", place(&town)), b"x");
    town.host.with(|world| world.network.table = Some(crate::primitives::Digest::of(b"edited")));
    assert_eq!(repaired(&town), "repaired: 1 file put back, 1 tunnel restarted, firewall changed");
    let drift = counts().drift;
    assert_eq!((drift.files, drift.tunnels, drift.firewall, drift.routes), (1, 1, 1, 0));
}

#[test]
fn without_repair_it_is_told_of_and_stays() {
    let mut town = alone();
    town.drift = OnDrift::Report;
    let conf = format!("{}/openvpn/tl-2.conf", place(&town));
    town.host.with(|world| world.processes.remove(&"tl-3".parse().unwrap()));
    let (_, report) = town.run(Fate::Kind).unwrap();
    assert_eq!(report.drift, ["start tl-3"]);
    assert_eq!((report.summary().as_str(), report.changed()), ("", false));
    town.host.put(&conf, b"x");
    let (_, report) = town.run(Fate::Kind).unwrap();
    assert!(report.drift[0].contains("tl-2.conf was changed"), "{:?}", report.drift);
    let mut changed = town.effects();
    changed.retain(|effect| !effect.contains(RUN) && !effect.contains("status.json"));
    assert_eq!(changed, [""; 0]);
    assert_eq!(town.host.read(conf.as_str().into(), 9).unwrap(), b"x");
}

fn hold(town: &Town, until: Option<&str>) {
    let now = "2030-01-01T11:00:00Z".parse().unwrap();
    let hold = Hold::new("new switch", now, until.map(|until| until.parse().unwrap())).unwrap();
    hold.save(&town.host, STATE.into()).unwrap();
}

#[test]
fn on_hold_it_repairs_and_applies_nothing() {
    let mut town = alone();
    town.release(NEW);
    hold(&town, None);
    town.host.with(|world| world.processes.remove(&"tl-3".parse().unwrap()));
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "on hold: new switch");
    assert_eq!(report.summary(), "repaired: 1 tunnel restarted");
    assert!(town.runs(OLD));
    // It is said once, and that it is over as well.
    assert!(!report.error_repeated);
    let (_, report) = town.run(Fate::Kind).unwrap();
    assert!(report.error_repeated);
    assert_eq!(report.last_run.unwrap().outcome, Outcome::OnHold);
    Hold::release(&town.host, STATE.into()).unwrap();
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(report.recovered.as_deref(), Some("no longer on hold"));
    assert!(town.runs(NEW));
}

#[test]
fn a_hold_ends_by_itself() {
    let mut town = alone();
    town.release(NEW);
    hold(&town, Some("2030-01-01T11:59:59Z"));
    assert!(town.converge().starts_with("release 2 applied"));
    assert_eq!(Hold::load(&town.host, STATE.into()), None);
}

/// Set at any effect of a run: before the switch it is heeded, after it the run goes on.
#[test]
fn a_hold_set_in_the_middle() {
    let (mut heeded, mut late) = (0, 0);
    for n in 0.. {
        let mut town = alone();
        town.release(NEW);
        town.host.plant(n, "/var/lib/tieline/hold.json", b"{}");
        let (ended, _) = town.run(Fate::Kind).unwrap();
        if town.effects().len() <= n {
            break;
        }
        match ended {
            Err(RunError::OnHold(_)) => {
                heeded += 1;
                assert!(town.runs(OLD), "effect {n}");
            }
            Ok(()) => {
                late += 1;
                assert!(town.runs(NEW), "effect {n}");
            }
            Err(error) => panic!("effect {n}: {error}"),
        }
        assert!(!town.effects().is_empty());
    }
    assert!(heeded > 5 && late > 5, "{heeded} {late}");
}

#[test]
fn a_policy_that_became_tighter_is_told_of_and_takes_nothing_down() {
    let mut town = Town::new();
    town.release(OLD);
    town.converge();
    town.config.policy.allowed_networks = vec!["172.16.0.0/12".parse().unwrap()];
    town.host.with(|world| world.processes.remove(&"tl-3".parse().unwrap()));
    let (ended, report) = town.run(Fate::Kind).unwrap();
    assert_eq!(
        sentence(&ended.unwrap_err()),
        "release 1, which is in use, asks for what this gateway no longer allows: the route to \
         192.168.2.0/24 is outside policy.allowed_networks of gateway.yaml (172.16.0.0/12)"
    );
    assert_eq!(report.summary(), "repaired: 1 tunnel restarted");
    assert!(town.runs(OLD));
}

#[test]
fn a_failure_is_told_of_once_and_so_is_its_end() {
    let mut town = alone();
    let (_, first) = town.run(Fate::Kind).unwrap();
    assert!(!first.error_repeated);
    let (_, second) = town.run(Fate::Kind).unwrap();
    assert!(second.error_repeated);
    town.release(OLD);
    let (ended, well) = town.run(Fate::Kind).unwrap();
    assert!(ended.is_ok());
    let since = first.last_run.unwrap().at;
    assert_eq!(well.recovered, Some(format!("well again; runs had failed since {since}")));
    let (_, quiet) = town.run(Fate::Kind).unwrap();
    assert_eq!(quiet.recovered, None);
}
