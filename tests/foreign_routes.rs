//! Routes that are not ours, to networks that the mesh has routes to as well: an MPLS line, an older
//! VPN. They are never changed and never lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use support::gateways::{Gateway, Site, TOOLS};
use support::sandbox;
use support::sandbox::run;
use tieline::host::{KernelNetwork, Link, LinkKind, Network as _, NetworkError, RouteKey, Via};

const LAN: &str = "10.0.2.0/24";
const THEIRS: &str = "10.0.2.0/24 via 10.0.1.254 dev lan proto static";

fn ip(gateway: &Gateway, line: &str) -> String {
    let output = gateway.command("ip").args(line.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every route to the LAN behind the tunnel, whoever has it.
fn routes(gateway: &Gateway) -> Vec<String> {
    let shown = ip(gateway, &format!("route show exact {LAN}"));
    shown.lines().map(|line| line.trim().replace(" linkdown", "")).collect()
}

fn is_refused(gateway: &Gateway) {
    let ended = gateway.reconcile();
    assert_eq!(ended.code, 24, "{}", ended.stderr);
    let said = "the route to 10.0.2.0/24 is there already, and is not ours: via 10.0.1.254 dev lan \
                proto static";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn a_route_of_somebody_else_is_in_the_way_and_stays() {
    let name = "a_route_of_somebody_else_is_in_the_way_and_stays";
    sandbox::enter(name, TOOLS, || {
        let site = Site::new(2);
        site.release();
        let gateway = site.gateway(1);
        ip(gateway, &format!("route add {THEIRS}"));
        let (state, running) = (gateway.state(), gateway.running());
        is_refused(gateway);
        assert_eq!((gateway.state(), gateway.running()), (state, running), "nothing is touched");
        assert_eq!(routes(gateway), [THEIRS]);

        // With a metric of its own it is in nobody's way.
        let beside = format!("{THEIRS} metric 50");
        ip(gateway, &format!("route delete {THEIRS}"));
        ip(gateway, &format!("route add {beside}"));
        gateway.converge();
        let ours = "10.0.2.0/24 dev tl-2 proto 84 scope link src 10.0.1.1";
        assert_eq!(routes(gateway), [ours.to_owned(), beside.clone()]);
        ip(gateway, &format!("route delete {beside}"));

        // One that takes the place of ours stays, and one that stands before it.
        let processes = gateway.processes();
        ip(gateway, &format!("route replace {THEIRS}"));
        for _ in 0..2 {
            assert_eq!(gateway.reconcile().code, 24);
            assert_eq!(routes(gateway), [THEIRS]);
        }
        ip(gateway, &format!("route delete {THEIRS}"));
        gateway.converge();
        assert_eq!(routes(gateway), [ours]);
        ip(gateway, &format!("route prepend {THEIRS}"));
        assert_eq!(gateway.reconcile().code, 24);
        assert_eq!(routes(gateway), [THEIRS, ours]);
        ip(gateway, &format!("route delete {THEIRS}"));
        gateway.converge();
        assert_eq!(gateway.processes(), processes);
    });
}

/// At the very place where routes are set, whatever was looked at before.
#[test]
fn no_route_but_ours_is_ever_changed() {
    sandbox::enter("no_route_but_ours_is_ever_changed", &["ip"], || {
        run("ip link set lo up");
        let device = |n: u16| format!("tl-{n}").parse().unwrap();
        for n in [2, 3] {
            let link = Link {
                kind: LinkKind::Tun,
                local: "172.19.0.1".parse().unwrap(),
                remote: format!("172.19.0.{n}").parse().unwrap(),
                mtu: 1420,
                owner: 0,
            };
            KernelNetwork.set_link(device(n), &link).unwrap();
        }
        let via = |n| Via { device: device(n), source: "172.19.0.1".parse().unwrap() };
        let key: RouteKey = LAN.parse::<ipnet::IpNet>().unwrap().into();
        let shown = || run(&format!("ip route show exact {LAN}")).replace(" linkdown", "");

        for theirs in ["dev lo proto static scope link", "blackhole proto static"] {
            let (kind, rest) = match theirs.strip_prefix("blackhole ") {
                Some(rest) => ("blackhole ", rest),
                None => ("", theirs),
            };
            let line = format!("{kind}{LAN} {rest}");
            run(&format!("ip route add {line}"));
            let before = shown();
            let error = KernelNetwork.set_route(key, &via(2)).unwrap_err();
            assert!(matches!(error, NetworkError::Occupied { .. }), "{error}");
            assert_eq!(shown(), before);
            KernelNetwork.remove_route(key, device(2)).unwrap();
            assert_eq!(shown(), before);
            run(&format!("ip route delete {line}"));
        }

        // Our own changes, with one step and without a gap.
        for n in [2, 3, 3] {
            KernelNetwork.set_route(key, &via(n)).unwrap();
            let expected = format!("{LAN} dev tl-{n} proto 84 scope link src 172.19.0.1");
            assert_eq!(shown().trim(), expected);
        }
        // Beside one of another metric, and of another type of service.
        run(&format!("ip route add {LAN} dev lo proto static metric 7"));
        run(&format!("ip route add tos 0x10 {LAN} dev lo proto static"));
        KernelNetwork.set_route(key, &via(2)).unwrap();
        assert_eq!(shown().lines().count(), 3, "{}", shown());
        assert_eq!(KernelNetwork.observe().unwrap().routes[&key], via(2));
    });
}
