//! Whatever is missing or wrong on a host, alone and together: one run makes it what the release in use
//! asks for. Every wrong and every two of them; more at random.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::simulation::{RUN, STATE, Simulation, Tunnels, converged};
use crate::bundle::Sysctl;
use crate::host::fake::Fate;
use crate::host::{Link, Network as _, NetworkState, Process, RouteKey, Via};
use crate::primitives::{Device, Digest, UnitId};
use crate::reconcile::generation::BUNDLE;

const TUNNELS: Tunnels = &[(2, 11002), (3, 11003)];

/// Something that is not as it should be, and the tunnels whose process can only go on in another one.
struct Wrong {
    what: String,
    make: Box<dyn Fn(&Simulation)>,
    renews: BTreeSet<Device>,
}

fn device(number: u16) -> Device {
    format!("tl-{number}").parse().unwrap()
}

fn tunnel(device: Device) -> UnitId {
    UnitId::new("tunnel", &device)
}

fn route(text: &str) -> RouteKey {
    RouteKey::from(text.parse::<ipnet::IpNet>().unwrap())
}

/// The directory of the generation in use.
fn generation(simulation: &Simulation) -> String {
    let link = format!("{STATE}/current");
    let target = crate::host::Files::read_link(&simulation.host, link.as_str().into());
    format!("{STATE}/{}", target.unwrap().unwrap())
}

/// One wrong that no process has to do with.
fn wrong(what: &str, make: impl Fn(&Simulation) + 'static) -> Wrong {
    Wrong { what: what.to_owned(), make: Box::new(make), renews: BTreeSet::new() }
}

/// One after which the process of a tunnel has to be another.
fn of_process(device: Device, what: &str, make: impl Fn(&Simulation) + 'static) -> Wrong {
    let wrong = wrong(&format!("{device}: {what}"), make);
    Wrong { renews: [device].into(), ..wrong }
}

fn network(what: &str, make: impl Fn(&mut NetworkState) + 'static) -> Wrong {
    wrong(what, move |simulation| simulation.host.with(|world| make(&mut world.network)))
}

fn file(what: &str, make: impl Fn(&Simulation, &str) + 'static) -> Wrong {
    wrong(what, move |simulation| make(simulation, &generation(simulation)))
}

/// A device that has become another, as far as it is still there.
fn of_link(device: Device, what: &str, make: impl Fn(&mut Link) + 'static) -> Wrong {
    of_process(device, what, move |simulation| {
        simulation.host.with(|world| {
            if let Some(Some(link)) = world.network.links.get_mut(&device) {
                make(link);
            }
        });
    })
}

fn all() -> Vec<Wrong> {
    let mut all = Vec::new();
    for number in [2, 3] {
        let (device, to) = (device(number), route(&format!("192.168.{number}.0/24")));
        let conf = format!("openvpn/{device}.conf");
        all.push(of_process(device, "deleted", move |simulation| {
            simulation.host.with(|world| {
                world.network.links.remove(&device);
                world.network.routes.retain(|_, via| via.device != device);
            });
        }));
        all.push(of_link(device, "another MTU", |link| link.mtu = 576));
        all.push(of_link(device, "another owner", |link| link.owner = 0));
        all.push(of_link(device, "another address", |link| link.local = [10, 0, 0, 1].into()));
        all.push(of_link(device, "another far end", |link| link.remote = [10, 0, 0, 2].into()));
        all.push(of_process(device, "no process", move |simulation| {
            simulation.host.with(|world| world.processes.remove(&tunnel(device)));
        }));
        let edited = conf.clone();
        let edit = move |simulation: &Simulation| {
            simulation.host.put(&format!("{}/{edited}", generation(simulation)), b"up /bin/sh");
        };
        all.push(of_process(device, "file edited", edit));
        let gone = move |simulation: &Simulation| {
            simulation.host.forget(&format!("{}/{conf}", generation(simulation)));
        };
        all.push(of_process(device, "file deleted", gone));
        all.push(network(&format!("{to}: gone"), move |network| {
            network.routes.remove(&to);
        }));
        all.push(network(&format!("{to}: another source"), move |network| {
            if let Some(via) = network.routes.get_mut(&to) {
                via.source = [192, 168, 9, 9].into();
            }
        }));
    }
    let (second, third, stray) = (device(2), device(3), device(9));
    all.push(network("a route through the other tunnel", move |network| {
        if network.links.contains_key(&third)
            && let Some(via) = network.routes.get_mut(&route("192.168.2.0/24"))
        {
            via.device = third;
        }
    }));
    all.push(network("a route of ours that nobody wants", move |network| {
        let via = Via { device: second, source: [192, 168, 1, 1].into() };
        if network.links.contains_key(&second) {
            network.routes.insert(route("10.9.0.0/24"), via);
        }
    }));
    all.push(network("no table", |network| network.table = None));
    all.push(network("the table edited", |network| network.table = Some(Digest::of(b"edited"))));
    all.push(wrong("a process that nobody wants", move |simulation| {
        let process = Process { pid: 4000, started: 4000 };
        simulation.host.with(|world| world.processes.insert(tunnel(stray), process));
    }));
    all.push(network("a device that nobody wants", move |network| {
        let like = network.links.values().flatten().next().cloned();
        network.links.extend(like.map(|link| (stray, Some(link))));
    }));
    all.push(wrong("forwarding switched off", |simulation| {
        simulation.host.set_setting(Sysctl::Ip4Forward.name(), "0").unwrap();
    }));
    all.push(file("the ruleset deleted", |simulation, place| {
        simulation.host.forget(&format!("{place}/nftables/tieline.nft"));
    }));
    all.push(file("the manifest edited", |simulation, place| {
        simulation.host.put(&format!("{place}/bundle.json"), b"{}");
    }));
    all.push(file("the label edited", |simulation, place| {
        simulation.host.put(&format!("{place}/.generation.json"), b"{}");
    }));
    all.push(file("the bundle deleted", |simulation, place| {
        simulation.host.forget(&format!("{place}/{BUNDLE}"));
    }));
    for (what, path) in [
        ("applied.json", format!("{RUN}/applied.json")),
        ("history.json", format!("{STATE}/history.json")),
        ("status.json", format!("{STATE}/status.json")),
        ("remotes.json", format!("{RUN}/remotes.json")),
    ] {
        // Nothing is known of any process without the note.
        let renews = if what == "applied.json" { [second, third].into() } else { BTreeSet::new() };
        let (gone, broken) = (path.clone(), path);
        let deleted = wrong(&format!("{what} deleted"), move |simulation| {
            simulation.host.forget(&gone);
        });
        let garbage = wrong(&format!("{what} is garbage"), move |simulation| {
            simulation.host.put(&broken, b"\xff{");
        });
        all.extend([deleted, garbage].map(|wrong| Wrong { renews: renews.clone(), ..wrong }));
    }
    all
}

/// What a run has to bring back, but for the digest that a table has each time it is loaded.
#[derive(Debug, PartialEq)]
struct Host {
    links: Vec<(Device, Option<Link>)>,
    routes: Vec<(RouteKey, Via)>,
    table: bool,
    forwarding: String,
    processes: Vec<UnitId>,
    lasting: Vec<String>,
}

fn host(simulation: &Simulation) -> Host {
    let lasting = simulation.disk().into_iter().filter(|line| line.contains("/generations/"));
    let lasting = lasting.collect();
    let forwarding = simulation.host.setting(Sysctl::Ip4Forward.name()).unwrap();
    simulation.host.with(|world| Host {
        links: world.network.links.clone().into_iter().collect(),
        routes: world.network.routes.clone().into_iter().collect(),
        table: world.network.table.is_some(),
        forwarding,
        processes: world.processes.keys().cloned().collect(),
        lasting,
    })
}

fn in_use() -> Simulation {
    let mut simulation = Simulation::new();
    simulation.release(TUNNELS);
    simulation.converge();
    simulation
}

/// Makes these wrongs, and sees to it that one run rights them and a second one finds nothing to do.
fn one_run_rights(wrongs: &[&Wrong]) {
    let simulation = in_use();
    let before = host(&simulation);
    let processes = simulation.host.with(|world| world.processes.clone());
    for wrong in wrongs {
        (wrong.make)(&simulation);
    }
    let what: Vec<_> = wrongs.iter().map(|wrong| &wrong.what).collect();
    let (ended, _) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{what:?}: {ended:?}");
    assert_eq!(host(&simulation), before, "{what:?}");
    assert!(simulation.runs(TUNNELS), "{what:?}: a process has read something else");
    let after = simulation.host.with(|world| world.processes.clone());
    for device in wrongs.iter().flat_map(|wrong| &wrong.renews) {
        let unit = tunnel(*device);
        assert_ne!(processes.get(&unit), after.get(&unit), "{what:?}: {device} runs on");
    }
    let (ended, report) = simulation.run(Fate::Kind).unwrap();
    assert!(converged(&ended), "{what:?}, again: {ended:?}");
    assert_eq!(report.summary(), "", "{what:?}, again");
}

#[test]
fn one_run_rights_every_wrong_and_every_two() {
    let all = all();
    let mut tried = 0;
    for (index, one) in all.iter().enumerate() {
        one_run_rights(&[one]);
        for other in all.iter().skip(index + 1) {
            one_run_rights(&[one, other]);
        }
        tried += all.len() - index;
    }
    assert!(tried > 700, "only {tried} states");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn one_run_rights_any_number_of_wrongs(
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 3..12)
    ) {
        let all = all();
        let wrongs: Vec<_> = chosen.iter().map(|index| index.get(&all)).collect();
        one_run_rights(&wrongs);
    }
}
