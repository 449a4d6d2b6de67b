//! What somebody changed by hand, and runs that repair it: also without any remote, on hold, and
//! cut off at any effect.

use super::simulation::{RUN, STATE, Simulation, Tunnels, converged};
use super::tests::settled;
use super::*;
use crate::host::fake::Fate;
use crate::host::{Files as _, Ipv6};
use crate::reconcile::generation::BUNDLE;
use crate::reconcile::{LastRun, OutcomeKind, ReleaseError};

const OLD: Tunnels = &[(2, 11002), (3, 11003)];
const NEW: Tunnels = &[(2, 12002), (4, 11004)];

/// A gateway with the release [`OLD`] in use, whose remote no longer answers.
fn alone() -> Simulation {
    let mut simulation = Simulation::new();
    simulation.release(OLD);
    simulation.converge();
    simulation.host.with(|world| world.served.clear());
    simulation
}

/// The directory of the generation in use.
fn place(simulation: &Simulation) -> String {
    let current = simulation.host.read_link(format!("{STATE}/current").as_str().into());
    format!("{STATE}/{}", current.unwrap().unwrap())
}

/// A run without a remote, and its summary.
fn repaired(simulation: &Simulation) -> String {
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(
        matches!(ended, Err(RunError::Release(ReleaseError::NoRemote { .. }))),
        "{ended:?} {:?}",
        report.warnings
    );
    report.summary()
}

/// Something that is done to a file of a generation.
type Damage = (&'static str, fn(&Simulation, &str), &'static str);

const DAMAGES: [Damage; 9] = [
    (
        "edited",
        |simulation, place| {
            simulation.host.put(&format!("{place}/openvpn/tl-2.conf"), b"up /bin/sh");
        },
        "repaired: 1 file restored, 1 tunnel restarted",
    ),
    (
        "deleted",
        |simulation, place| simulation.host.forget(&format!("{place}/openvpn/tl-2.conf")),
        "repaired: 1 file restored, 1 tunnel restarted",
    ),
    (
        "replaced by a link to the same content",
        |simulation, place| {
            let path = format!("{place}/openvpn/tl-2.conf");
            let content = simulation.host.read(path.as_str().into(), 9999).unwrap();
            simulation.host.put("/tmp/x", &content);
            simulation.host.link(&path, "/tmp/x");
        },
        "repaired: 1 file restored, 1 tunnel restarted",
    ),
    (
        "the directory replaced by a link",
        |simulation, place| {
            simulation.host.forget(&format!("{place}/openvpn"));
            simulation.host.link(&format!("{place}/openvpn"), "/tmp/elsewhere");
        },
        "repaired: 2 files restored, 2 tunnels restarted",
    ),
    (
        "a directory in place of the file",
        |simulation, place| {
            simulation.host.forget(&format!("{place}/nftables/tieline.nft"));
            let path = format!("{place}/nftables/tieline.nft");
            simulation.host.create_dir(path.as_str().into()).unwrap();
            simulation.host.put(&format!("{path}/x"), b"");
        },
        "repaired: 1 file restored, firewall changed",
    ),
    (
        "the manifest edited",
        |simulation, place| simulation.host.put(&format!("{place}/bundle.json"), b"{}"),
        "repaired: 1 file restored",
    ),
    (
        "the label edited",
        |simulation, place| simulation.host.put(&format!("{place}/.generation.json"), b"{}"),
        "repaired: 1 file restored",
    ),
    (
        "the kept bundle edited",
        |simulation, place| simulation.host.put(&format!("{place}/{BUNDLE}"), b"x"),
        "repaired: 1 file restored",
    ),
    (
        "the kept bundle deleted",
        |simulation, place| simulation.host.forget(&format!("{place}/{BUNDLE}")),
        "repaired: 1 file restored",
    ),
];

#[test]
fn changed_files_are_restored_without_a_remote() {
    for (what, damage, said) in DAMAGES {
        let simulation = alone();
        let before = simulation.disk();
        damage(&simulation, &place(&simulation));
        assert_ne!(simulation.disk(), before, "{what}");
        assert_eq!(repaired(&simulation), said, "{what}");
        assert!(simulation.runs(OLD), "{what}");
        let (after, before) = (simulation.disk(), before);
        let lasting = |disk: &[String]| -> Vec<String> {
            disk.iter().filter(|line| line.contains("generations")).cloned().collect()
        };
        assert_eq!(lasting(&after), lasting(&before), "{what}");
        assert_eq!(repaired(&simulation), "", "{what}");
    }
}

#[test]
fn a_repair_that_is_cut_off_is_done_by_the_next_run() {
    let mut points = 0;
    for (what, damage, _) in DAMAGES {
        for fate in [Fate::Die, Fate::Refuse] {
            for n in 0.. {
                let simulation = alone();
                damage(&simulation, &place(&simulation));
                simulation.run(fate(n));
                if simulation.effects().len() <= n {
                    break;
                }
                points += 1;
                repaired(&simulation);
                assert!(simulation.runs(OLD), "{what}, effect {n}");
                assert_eq!(repaired(&simulation), "", "{what}, effect {n}");
                // What was changed may have been read, until the process is another.
                let read = simulation.host.with(|world| world.read.clone());
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
        let simulation = alone();
        let conf = format!("{}/openvpn/tl-2.conf", place(&simulation));
        simulation.host.put(&conf, b"up /bin/sh");
        simulation.host.respawn(&"tunnel/tl-2".parse().unwrap());
        simulation.run(Fate::Die(n));
        repaired(&simulation);
        assert!(simulation.runs(OLD), "effect {n}");
    }
}

#[test]
fn ipv6_on_a_device_is_taken_away_and_restarts_nothing() {
    let simulation = alone();
    let processes = simulation.host.with(|world| world.processes.clone());
    simulation.host.with(|world| {
        let open = Ipv6 { carried: true, autonomous: true };
        world.network.ipv6.insert("tl-2".parse().unwrap(), open);
    });
    repaired(&simulation);
    assert!(simulation.effects().contains(&"guard tl-2".to_owned()));
    assert!(simulation.runs(OLD));
    assert_eq!(simulation.host.with(|world| world.processes.clone()), processes);
    repaired(&simulation);
    assert!(!simulation.effects().iter().any(|effect| effect.starts_with("guard")));
}

/// Whatever the state of ours: theirs stays, is named, and the rest is repaired.
#[test]
fn a_route_of_somebody_else_stays_and_is_named() {
    for ours_is_gone in [true, false] {
        let simulation = settled();
        let lan: ipnet::IpNet = "192.168.3.0/24".parse().unwrap();
        simulation.host.with(|world| {
            world.network.foreign_routes.insert(lan.into(), "via 10.9.9.9 proto static".into());
            world.processes.remove(&"tunnel/tl-2".parse().unwrap());
            if ours_is_gone {
                world.network.routes.remove(&lan.into());
            }
        });
        let (ended, report) = simulation.run(Fate::Kind).unwrap();
        let said = ended.unwrap().to_string();
        assert!(said.contains("192.168.3.0/24 is there already, and is not ours"), "{said}");
        assert!(said.contains("via 10.9.9.9 proto static"), "{said}");
        assert_eq!(report.summary(), "repaired: 1 tunnel restarted");
        assert!(!simulation.effects().contains(&"route 192.168.3.0/24".to_owned()));
        simulation.host.with(|world| world.network.foreign_routes.clear());
        simulation.run(Fate::Kind);
        assert!(simulation.runs(OLD));
    }
}

#[test]
fn a_release_that_wants_a_route_of_somebody_else_changes_nothing() {
    let mut simulation = settled();
    simulation.release(NEW);
    let lan: ipnet::IpNet = "192.168.4.0/24".parse().unwrap();
    simulation.host.with(|world| {
        world.network.foreign_routes.insert(lan.into(), "via 10.9.9.9 proto static".into());
    });
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    let refused =
        matches!(ended, Err(RunError::Refused(crate::reconcile::Refusal::Forbidden { .. })));
    assert!(refused, "{ended:?}");
    assert!(simulation.runs(OLD));
    simulation.host.with(|world| world.network.foreign_routes.clear());
    simulation.converge();
    assert!(simulation.runs(NEW));
}

#[test]
fn drift_is_counted_and_a_reboot_is_none() {
    let simulation = alone();
    let counts = || LastRun::load(&simulation.host, &simulation.config.paths).unwrap().counts;
    assert_eq!(counts().applied, 1);
    simulation.host.reboot(RUN.into());
    assert!(repaired(&simulation).contains("2 tunnels added"));
    assert_eq!(counts().drift, crate::reconcile::Drift::default());
    simulation.host.put(&format!("{}/openvpn/tl-2.conf", place(&simulation)), b"x");
    simulation
        .host
        .with(|world| world.network.table = Some(crate::primitives::Digest::of(b"edited")));
    assert_eq!(
        repaired(&simulation),
        "repaired: 1 file restored, 1 tunnel restarted, firewall changed"
    );
    let drift = counts().drift;
    let by_kind: Vec<_> = drift.by_kind().filter(|(_, count)| *count > 0).collect();
    assert_eq!((drift.files, by_kind), (1, vec![("nftables", 1), ("tunnel", 1)]));
}

#[test]
fn without_repair_it_is_told_of_and_stays() {
    let mut simulation = alone();
    simulation.drift = OnDrift::Report;
    let conf = format!("{}/openvpn/tl-2.conf", place(&simulation));
    simulation.host.with(|world| world.processes.remove(&"tunnel/tl-3".parse().unwrap()));
    let (_, report) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(report.drift, ["start tl-3"]);
    assert_eq!((report.summary().as_str(), report.changed()), ("", false));
    simulation.host.put(&conf, b"x");
    let (_, report) = simulation.run(Fate::Kind).unwrap();
    assert!(report.drift[0].contains("tl-2.conf was changed"), "{:?}", report.drift);
    let mut changed = simulation.effects();
    changed.retain(|effect| !effect.contains(RUN) && !effect.contains("status.json"));
    assert_eq!(changed, [""; 0]);
    assert_eq!(simulation.host.read(conf.as_str().into(), 9).unwrap(), b"x");
}

fn hold(simulation: &Simulation, until: Option<&str>) {
    let now = "2030-01-01T11:00:00Z".parse().unwrap();
    let hold = Hold::new("new switch", now, until.map(|until| until.parse().unwrap())).unwrap();
    hold.save(&simulation.host, STATE.into()).unwrap();
}

#[test]
fn on_hold_it_repairs_and_applies_nothing() {
    let mut simulation = alone();
    simulation.release(NEW);
    hold(&simulation, None);
    simulation.host.with(|world| world.processes.remove(&"tunnel/tl-3".parse().unwrap()));
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(ended.unwrap().to_string(), "on hold: new switch");
    assert_eq!(report.summary(), "repaired: 1 tunnel restarted");
    assert!(simulation.runs(OLD));
    // It is said once, and that it is over as well.
    assert!(!report.error_repeated);
    let (_, report) = simulation.run(Fate::Kind).unwrap();
    assert!(report.error_repeated);
    assert_eq!(report.last_run.unwrap().outcome, OutcomeKind::OnHold);
    Hold::release(&simulation.host, STATE.into()).unwrap();
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{ended:?}");
    assert_eq!(report.recovered.as_deref(), Some("no longer on hold"));
    assert!(simulation.runs(NEW));
}

#[test]
fn a_hold_ends_by_itself() {
    let mut simulation = alone();
    simulation.release(NEW);
    hold(&simulation, Some("2030-01-01T11:59:59Z"));
    assert!(simulation.converge().starts_with("release 2 applied"));
    assert_eq!(Hold::load(&simulation.host, STATE.into()), None);
}

/// Set at any effect of a run: before the switch it is heeded, after it the run goes on.
#[test]
fn a_hold_set_in_the_middle() {
    let (mut heeded, mut late) = (0, 0);
    for n in 0.. {
        let mut simulation = alone();
        simulation.release(NEW);
        simulation.host.plant(n, "/var/lib/tieline/hold.json", b"{}");
        let (ended, _) = simulation.run(Fate::Kind).unwrap();
        if simulation.effects().len() <= n {
            break;
        }
        match ended {
            Ok(Outcome::OnHold(_)) => {
                heeded += 1;
                assert!(simulation.runs(OLD), "effect {n}");
            }
            Ok(Outcome::Converged) => {
                late += 1;
                assert!(simulation.runs(NEW), "effect {n}");
            }
            ended => panic!("effect {n}: {ended:?}"),
        }
        assert!(!simulation.effects().is_empty());
    }
    assert!(heeded > 5 && late > 5, "{heeded} {late}");
}

#[test]
fn a_policy_that_became_tighter_is_told_of_and_takes_nothing_down() {
    let mut simulation = Simulation::new();
    simulation.release(OLD);
    simulation.converge();
    simulation.config.policy.allowed_networks = vec!["172.16.0.0/12".parse().unwrap()];
    simulation.host.with(|world| world.processes.remove(&"tunnel/tl-3".parse().unwrap()));
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(
        ended.unwrap().to_string(),
        "release 1, which is in use, asks for what this gateway no longer allows: the route to \
         192.168.2.0/24 is outside policy.allowed_networks of gateway.yaml (172.16.0.0/12)"
    );
    assert_eq!(report.summary(), "repaired: 1 tunnel restarted");
    assert!(simulation.runs(OLD));
}

#[test]
fn a_failure_is_told_of_once_and_so_is_its_end() {
    let mut simulation = alone();
    let (_, first) = simulation.run(Fate::Kind).unwrap();
    assert!(!first.error_repeated);
    let (_, second) = simulation.run(Fate::Kind).unwrap();
    assert!(second.error_repeated);
    simulation.release(OLD);
    let (ended, well) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended));
    let since = first.last_run.unwrap().at;
    assert_eq!(well.recovered, Some(format!("well again; runs had failed since {since}")));
    let (_, quiet) = simulation.run(Fate::Kind).unwrap();
    assert_eq!(quiet.recovered, None);
}
