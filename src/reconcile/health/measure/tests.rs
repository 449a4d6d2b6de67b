//! What is measured of a machine in memory.

use std::net::IpAddr;

use super::*;
use crate::host::fake::Fake;
use crate::host::{Link, LinkKind, Process};
use crate::primitives::{Device, Digest, UnitId};
use crate::reconcile::units::Level;
use crate::reconcile::units::tunnel::{Transport, Tunnel};

fn device(peer: u8) -> Device {
    format!("tl-{peer}").parse().unwrap()
}

fn unit(peer: u8) -> UnitId {
    format!("tunnel/tl-{peer}").parse().unwrap()
}

fn far_end(peer: u8) -> IpAddr {
    format!("172.19.0.{peer}").parse().unwrap()
}

/// A machine with a device and a process for each of these peers, and a remote that answers.
fn machine(peers: &[u8]) -> Fake {
    let host = Fake::default();
    host.with(|world| {
        world.served.insert("metadata/timestamp.json".to_owned(), Vec::new());
        for peer in peers {
            let process = Process { pid: u32::from(*peer), started: 1 };
            world.processes.insert(unit(*peer), process);
            world.network.links.insert(device(*peer), Some(device_of(*peer)));
        }
    });
    host
}

fn device_of(peer: u8) -> Link {
    Link { kind: LinkKind::Tun, local: far_end(1), remote: far_end(peer), mtu: 1420, owner: 7 }
}

/// Tunnels to these peers.
fn wanted(peers: &[u8]) -> Wanted {
    let tunnel = |peer: &u8| {
        let file = format!("openvpn/tl-{peer}.conf").parse().unwrap();
        let tunnel = Tunnel {
            peer: format!("peer-{peer}").parse().unwrap(),
            remote: far_end(*peer),
            transport: Transport::OpenVpn(file),
            inputs: Digest::of(&[*peer]),
        };
        (device(*peer), tunnel)
    };
    Wanted { tunnel: peers.iter().map(tunnel).collect(), ..Wanted::default() }
}

fn measured(host: &Fake, more: &str, wanted: &Wanted, ask: Ask) -> Health {
    let text = format!(
        "gateway: perth\nmesh: test\nremotes: [https://a.example.net/m, https://b.example.net/m]\n{more}"
    );
    let config = GatewayConfig::parse(&text, "gateway.yaml".into()).unwrap();
    let machine = Machine {
        files: host,
        clock: host,
        network: host,
        services: host,
        probes: host,
        remotes: host,
        mirrors: host,
    };
    measure(&machine, &config, wanted, ask, Duration::from_secs(9))
}

const ALL: Ask = Ask::All { answered: None };

#[test]
fn a_tunnel_is_as_well_as_its_far_end_answers() {
    let host = machine(&[2, 3]);
    host.with(|world| world.silent.insert(far_end(3)));
    let health = measured(&host, "", &wanted(&[2, 3, 4]), ALL);
    let levels: Vec<_> = health.units.iter().map(|(of, unit)| (of.clone(), unit.level)).collect();
    let expected = [(unit(2), Level::Alive), (unit(3), Level::Running), (unit(4), Level::Stopped)];
    assert_eq!(levels, expected);
    assert_eq!(health.units[&unit(4)].peer.as_ref().unwrap().as_str(), "peer-4");
    // A tunnel that nobody wants is nobody's concern.
    assert_eq!(measured(&host, "", &wanted(&[2]), ALL).units.len(), 1);
}

#[test]
fn checks_are_known_by_what_they_say() {
    let host = machine(&[]);
    host.with(|world| world.silent.insert("10.0.0.2".parse().unwrap()));
    let more = "checks: [{ tcp: '10.0.0.1:443' }, { ping: 10.0.0.2 }, { ping: 10.0.0.1 }, \
                { tcp: '10.0.0.2:443' }]\n";
    let health = measured(&host, more, &wanted(&[]), ALL);
    let checks: Vec<_> = health.checks.iter().map(|(name, good)| (name.as_str(), *good)).collect();
    let expected = [
        ("ping 10.0.0.1", true),
        ("ping 10.0.0.2", false),
        ("tcp 10.0.0.1:443", true),
        ("tcp 10.0.0.2:443", false),
    ];
    assert_eq!(checks, expected);
}

#[test]
fn before_a_change_all_remotes_are_asked_and_after_it_until_one_answers() {
    let host = machine(&[]);
    let remotes =
        |ask| measured(&host, "", &wanted(&[]), ask).remotes.into_values().collect::<Vec<_>>();
    let before = measured(&host, "", &wanted(&[]), ALL);
    assert_eq!(before.remotes.len(), 2);
    assert_eq!(remotes(Ask::Any { before: &before }), [true]);

    host.with(|world| world.way = Some(|_| false));
    assert_eq!(remotes(ALL), [false, false]);
    assert_eq!(remotes(Ask::Any { before: &before }), [false, false]);
    // The one that a release has just come from is not asked once more.
    let text = "gateway: perth\nmesh: test\nremotes: [https://a.example.net/m]\n";
    let known = GatewayConfig::parse(text, "gateway.yaml".into()).unwrap().remotes;
    assert_eq!(remotes(Ask::All { answered: known.first() }), [true, false]);
    // Nobody has to answer who did not answer before.
    let nobody = measured(&host, "", &wanted(&[]), ALL);
    assert_eq!(remotes(Ask::Any { before: &nobody }), [false; 0]);
}
