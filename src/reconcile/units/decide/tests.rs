//! What follows from what, as a table.

use std::collections::BTreeSet;

use super::*;
use crate::bundle::Sysctl;
use crate::host::{Ipv6, Link, LinkKind, Process, RouteKey, Via};
use crate::primitives::{Device, Digest};
use crate::reconcile::units::nftables::Ruleset;
use crate::reconcile::units::tunnel::{Transport, Tunnel};
use crate::reconcile::units::{Note, nftables, tunnel};

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn device(number: u16) -> Device {
    format!("tl-{number}").parse().unwrap()
}

fn link(number: u16) -> Link {
    Link {
        kind: LinkKind::Tun,
        local: "172.19.0.1".parse().unwrap(),
        remote: format!("172.19.0.{number}").parse().unwrap(),
        mtu: 1420,
        owner: 7,
    }
}

fn via(number: u16) -> Via {
    Via { device: device(number), source: "192.168.1.1".parse().unwrap() }
}

fn lan(number: u16) -> RouteKey {
    format!("192.168.{number}.0/24").parse::<ipnet::IpNet>().unwrap().into()
}

/// A gateway with tunnels to these peers, and a route to the LAN of each.
fn wanted(peers: &[u16]) -> Wanted {
    let tunnel = |peer: u16| Tunnel {
        peer: format!("peer-{peer}").parse().unwrap(),
        remote: link(peer).remote,
        transport: Transport::OpenVpn(format!("openvpn/tl-{peer}.conf").parse().unwrap()),
        inputs: digest(&peer.to_string()),
    };
    Wanted {
        sysctl: [(Sysctl::Ip4Forward, "1".to_owned())].into(),
        nftables: Some(Ruleset {
            file: "nftables/tieline.nft".parse().unwrap(),
            inputs: digest("table"),
        }),
        link: peers.iter().map(|peer| (device(*peer), link(*peer))).collect(),
        tunnel: peers.iter().map(|peer| (device(*peer), tunnel(*peer))).collect(),
        routes: peers.iter().map(|peer| (lan(*peer), via(*peer))).collect(),
        ..Wanted::default()
    }
}

/// A host that is as `wanted` has it.
fn converged(wanted: &Wanted) -> Seen {
    let process = |device: &Device| (*device, Process { pid: 7, started: 1 });
    let mut seen = Seen {
        sysctl: wanted.sysctl.clone(),
        nftables: wanted.nftables.as_ref().map(|_| digest("loaded")),
        link: wanted.link.iter().map(|(device, link)| (*device, Some(link.clone()))).collect(),
        ipv6: wanted.link.iter().map(|(device, link)| (*device, Ipv6::of(link))).collect(),
        tunnel: wanted.tunnel.keys().map(process).collect(),
        routes: wanted.routes.clone(),
        ..Seen::default()
    };
    for (device, tunnel) in &wanted.tunnel {
        let note = Note { inputs: tunnel.inputs, result: None };
        seen.applied.units.insert(tunnel::id(*device), note);
    }
    if let Some(ruleset) = &wanted.nftables {
        let note = Note { inputs: ruleset.inputs, result: Some(digest("loaded")) };
        seen.applied.units.insert(nftables::id(), note);
    }
    seen
}

/// The steps, one a line, with `+`, `~` or `-` in front.
fn told(steps: &Steps) -> Vec<String> {
    let tell = |step: &Step| {
        let mark = match step.phase {
            Phase::Add => '+',
            Phase::Change => '~',
            Phase::Remove => '-',
        };
        format!("{mark} {step}")
    };
    steps.iter().map(tell).collect()
}

/// What is done where `change` happened to a converged host with tunnels to 2 and 3.
fn after(change: impl FnOnce(&mut Seen)) -> Vec<String> {
    let wanted = wanted(&[2, 3]);
    let mut seen = converged(&wanted);
    change(&mut seen);
    told(&decide(&seen, &wanted))
}

#[test]
fn nothing_to_do() {
    assert_eq!(after(|_| {}), [""; 0]);
}

#[test]
fn first_install_and_reboot() {
    let steps = after(|seen| *seen = Seen::default());
    assert_eq!(
        steps,
        [
            "+ set net.ipv4.ip_forward to 1",
            "+ load nftables/tieline.nft",
            "+ set up tl-2 to 172.19.0.2",
            "+ start tl-2",
            "+ set up tl-3 to 172.19.0.3",
            "+ start tl-3",
            "+ route 192.168.2.0/24 dev tl-2 src 192.168.1.1",
            "+ route 192.168.3.0/24 dev tl-3 src 192.168.1.1",
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn drift_is_repaired_tunnel_by_tunnel() {
    type Change = fn(&mut Seen);
    let cases: [(&str, Change, &[&str]); 17] = [
        (
            "a process died",
            |s| {
                s.tunnel.remove(&device(2));
            },
            &["~ start tl-2"],
        ),
        (
            "a device vanished, and its route with it",
            |s| {
                s.link.remove(&device(2));
                s.routes.remove(&lan(2));
            },
            &[
                "+ set up tl-2 to 172.19.0.2",
                "+ route 192.168.2.0/24 dev tl-2 src 192.168.1.1",
                "~ restart tl-2",
            ],
        ),
        (
            "a device was taken down",
            |s| {
                s.link.insert(device(2), None);
            },
            &[
                "~ set up tl-2 to 172.19.0.2",
                "~ restart tl-2",
                "~ route 192.168.2.0/24 dev tl-2 src 192.168.1.1",
            ],
        ),
        (
            "a device has another owner",
            |s| {
                s.link.insert(device(2), Some(Link { owner: 8, ..link(2) }));
            },
            &[
                "~ set up tl-2 to 172.19.0.2",
                "~ restart tl-2",
                "~ route 192.168.2.0/24 dev tl-2 src 192.168.1.1",
            ],
        ),
        (
            "a device was opened to IPv6",
            |s| {
                s.ipv6.insert(device(2), Ipv6 { carried: true, autonomous: false });
            },
            &["+ keep IPv6 off tl-2"],
        ),
        (
            "a device learns from its far end",
            |s| {
                s.ipv6.insert(device(3), Ipv6 { carried: false, autonomous: true });
            },
            &["+ keep IPv6 off tl-3"],
        ),
        (
            "a route vanished",
            |s| {
                s.routes.remove(&lan(3));
            },
            &["+ route 192.168.3.0/24 dev tl-3 src 192.168.1.1"],
        ),
        (
            "a route was changed",
            |s| {
                s.routes.insert(lan(3), via(2));
            },
            &["~ route 192.168.3.0/24 dev tl-3 src 192.168.1.1"],
        ),
        (
            "a route vanished, and somebody else has one there",
            |s| {
                s.routes.remove(&lan(3));
                s.foreign_routes.insert(lan(3), "via 192.168.1.9 proto static".to_owned());
            },
            &[],
        ),
        (
            "a route of ours that nobody wants",
            |s| {
                s.routes.insert(lan(9), via(3));
            },
            &["- remove the route 192.168.9.0/24 dev tl-3"],
        ),
        (
            "a stray process",
            |s| {
                s.tunnel.insert(device(9), Process { pid: 9, started: 1 });
            },
            &["- stop tl-9"],
        ),
        (
            "a stray device",
            |s| {
                s.link.insert(device(9), None);
            },
            &["- remove tl-9"],
        ),
        ("somebody flushed the firewall", |s| s.nftables = None, &["+ load nftables/tieline.nft"]),
        (
            "somebody added a rule by hand",
            |s| s.nftables = Some(digest("another")),
            &["+ load nftables/tieline.nft"],
        ),
        (
            "another ruleset was loaded",
            |s| s.applied.units.get_mut(&nftables::id()).unwrap().inputs = digest("old"),
            &["+ load nftables/tieline.nft"],
        ),
        (
            "forwarding was switched off",
            |s| {
                s.sysctl.insert(Sysctl::Ip4Forward, "0".to_owned());
            },
            &["+ set net.ipv4.ip_forward to 1"],
        ),
        (
            "a run was killed between a restart and the note of it",
            |s| {
                s.applied.strike(&tunnel::id(device(3)));
            },
            &["~ restart tl-3"],
        ),
    ];
    for (name, change, steps) in cases {
        assert_eq!(after(change), steps, "{name}");
    }
}

#[test]
fn a_new_peer_leaves_the_others_alone() {
    let steps = decide(&converged(&wanted(&[2, 3])), &wanted(&[2, 3, 4]));
    assert_eq!(
        told(&steps),
        [
            "+ set up tl-4 to 172.19.0.4",
            "+ start tl-4",
            "+ route 192.168.4.0/24 dev tl-4 src 192.168.1.1"
        ]
    );
}

#[test]
fn a_removed_peer_goes_last_and_alone() {
    let steps = decide(&converged(&wanted(&[2, 3])), &wanted(&[2]));
    assert_eq!(
        told(&steps),
        ["- remove the route 192.168.3.0/24 dev tl-3", "- stop tl-3", "- remove tl-3"]
    );
}

#[test]
fn a_new_prefix_restarts_nothing() {
    let mut new = wanted(&[2, 3]);
    new.routes.insert(lan(20), via(2));
    let steps = decide(&converged(&wanted(&[2, 3])), &new);
    assert_eq!(told(&steps), ["+ route 192.168.20.0/24 dev tl-2 src 192.168.1.1"]);
}

#[test]
fn a_changed_tunnel_restarts_alone() {
    let mut new = wanted(&[2, 3]);
    new.tunnel.get_mut(&device(3)).unwrap().inputs = digest("another port");
    let steps = decide(&converged(&wanted(&[2, 3])), &new);
    assert_eq!(told(&steps), ["~ restart tl-3"]);
}

#[test]
fn additions_come_before_changes_and_removals() {
    let mut new = wanted(&[2, 4]);
    new.tunnel.get_mut(&device(2)).unwrap().inputs = digest("another port");
    let steps = told(&decide(&converged(&wanted(&[2, 3])), &new));
    let marks: String = steps.iter().filter_map(|step| step.chars().next()).collect();
    assert_eq!(marks, "+++~---");
}

#[test]
fn nothing_wanted_leaves_nothing_behind() {
    let steps = decide(&converged(&wanted(&[2])), &Wanted::default());
    assert_eq!(
        told(&steps),
        [
            "- remove the route 192.168.2.0/24 dev tl-2",
            "- stop tl-2",
            "- remove tl-2",
            "- remove the table inet tieline",
        ]
    );
}

/// Whatever is missing of devices, processes and routes: in the order in which steps are carried out,
/// nothing comes before what it needs.
#[test]
fn nothing_comes_before_what_it_needs() {
    let wanted = wanted(&[2, 3]);
    for missing in 0..64_u32 {
        let mut seen = converged(&wanted);
        for (bit, peer) in (0..).zip([2, 3]) {
            if missing >> bit & 1 == 1 {
                seen.link.remove(&device(peer));
            }
            if missing >> (bit + 2) & 1 == 1 {
                seen.tunnel.remove(&device(peer));
            }
            if missing >> (bit + 4) & 1 == 1 {
                seen.routes.remove(&lan(peer));
            }
        }
        let steps = decide(&seen, &wanted);
        let mut to_come: Vec<&UnitId> = steps.iter().map(|step| &step.unit).collect();
        for step in steps.iter() {
            let (_, rest) = to_come.split_first().unwrap();
            let early = step.needs.iter().find(|needed| rest.contains(needed));
            assert_eq!(early, None, "{missing:b}: {step} in {:?}", told(&steps));
            to_come.remove(0);
        }
        let made: BTreeSet<String> = steps.iter().map(ToString::to_string).collect();
        assert_eq!(made.len(), steps.iter().count(), "{missing:b}: nothing is done twice");
    }
}
