//! IPv6 through a tunnel that was given none: whoever has root at the far end can send a router
//! advertisement, and must get neither a route nor an address for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::gateways::{Gateway, Site, TOOLS};
use support::sandbox;
use support::sandbox::run;
use tieline::host::{KernelNetwork, Link, LinkKind, Network as _};

/// Sends through tl-1, to all nodes: a default router, and a prefix to make addresses of (RFC 4861,
/// 4.2 and 4.6.2).
const ADVERTISE: &str = "
import socket, struct
device = socket.if_nametoindex('tl-1')
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
router = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0)
prefix = struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 86400, 14400, 0)
prefix += socket.inet_pton(socket.AF_INET6, '2001:db8:1::')
raw.sendto(router + prefix, ('ff02::1', 0, 0, device))
";

fn tools() -> Vec<&'static str> {
    [TOOLS, &["python3", "sh"]].concat()
}

/// Something that root does in the namespace of a gateway.
fn by_root(gateway: &Gateway, script: &str) -> String {
    let output = gateway.command("sh").args(["-euc", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Everything IPv6 that a gateway has of its tunnel.
fn learnt(gateway: &Gateway, device: &str) -> String {
    by_root(gateway, &format!("ip -6 -o address show dev {device}; ip -6 route show dev {device}"))
}

/// Advertises from gateway 2 as long as it takes gateway 1 to learn something, or for two seconds.
fn advertise(site: &Site) -> String {
    let start = Instant::now();
    loop {
        let sent = site.gateway(2).command("python3").args(["-c", ADVERTISE]).output().unwrap();
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        std::thread::sleep(Duration::from_millis(100));
        let learnt = learnt(site.gateway(1), "tl-2");
        if learnt.contains("default via fe80::2") || start.elapsed() > Duration::from_secs(2) {
            return learnt;
        }
    }
}

/// Writes down what the kernel says of IPv6 addresses and routes.
fn monitor(mut ip: Command) -> Child {
    let child = ip.args(["-6", "monitor", "address", "route"]).stdout(Stdio::piped()).spawn();
    std::thread::sleep(Duration::from_millis(300));
    child.unwrap()
}

/// What was said of tunnels meanwhile.
fn said(mut monitor: Child) -> String {
    std::thread::sleep(Duration::from_millis(200));
    monitor.kill().unwrap();
    let mut text = String::new();
    monitor.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    monitor.wait().unwrap();
    text.lines().filter(|line| line.contains("tl-")).collect()
}

#[test]
fn a_router_advertisement_through_a_tunnel_is_worth_nothing() {
    let name = "a_router_advertisement_through_a_tunnel_is_worth_nothing";
    sandbox::enter(name, &tools(), || {
        let site = Site::new(2);
        site.release();
        let (victim, thief) = (site.gateway(1), site.gateway(2));
        let first = monitor(victim.command("ip"));
        victim.converge();
        thief.converge();
        assert!(victim.reaches("10.0.1.1", "10.0.2.1", Duration::from_secs(10)));
        assert_eq!(said(first), "", "not even for a moment");

        let own = "net.ipv6.conf.tl-1";
        by_root(thief, &format!("sysctl -q -w {own}.disable_ipv6=0 {own}.accept_ra=0"));
        by_root(thief, "ip address add fe80::2/64 dev tl-1 nodad");
        assert_eq!(advertise(&site), "");

        // That this is an attack shows where the device is as the kernel makes it.
        let processes = victim.processes();
        let theirs = "net.ipv6.conf.tl-2";
        let open = format!("{theirs}.addr_gen_mode=0 {theirs}.accept_ra=1 {theirs}.disable_ipv6=0");
        by_root(victim, &format!("sysctl -q -w {open}"));
        let taken = advertise(&site);
        assert!(taken.contains("default via fe80::2"), "{taken}");
        assert!(taken.contains("2001:db8:1:"), "{taken}");

        // It is drift, and is repaired without a word to the tunnel.
        for _ in 0..2 {
            assert_eq!(victim.converge(), "");
            assert_eq!(victim.processes(), processes);
            assert_eq!(advertise(&site), "");
        }
        assert!(victim.reaches("10.0.1.1", "10.0.2.1", Duration::from_secs(10)));
    });
}

#[test]
fn an_mtu_that_rises_opens_no_device() {
    sandbox::enter("an_mtu_that_rises_opens_no_device", &["ip"], || {
        let device = "tl-2".parse().unwrap();
        let link = |mtu| Link {
            kind: LinkKind::Tun,
            local: "172.19.0.1".parse().unwrap(),
            remote: "172.19.0.2".parse().unwrap(),
            mtu,
            owner: 0,
        };
        let watched = monitor(Command::new("ip"));
        // Below 1,280 the kernel forgets what it was told of IPv6.
        for mtu in [1000, 1420, 1000, 1280] {
            KernelNetwork.set_link(device, &link(mtu)).unwrap();
            let seen = KernelNetwork.observe().unwrap();
            assert_eq!(seen.links[&device], Some(link(mtu)));
            assert!(!seen.ipv6[&device].carried, "{mtu}");
        }
        assert_eq!(said(watched), "");
    });
}

/// A device that does carry IPv6 learns nothing either, and keeps what it was given.
#[test]
fn a_device_with_an_ipv6_address_learns_nothing() {
    sandbox::enter("a_device_with_an_ipv6_address_learns_nothing", &["ip"], || {
        let device = "tl-2".parse().unwrap();
        let link = Link {
            kind: LinkKind::Tun,
            local: "fd00::1".parse().unwrap(),
            remote: "fd00::2".parse().unwrap(),
            mtu: 1420,
            owner: 0,
        };
        KernelNetwork.set_link(device, &link).unwrap();
        let seen = || KernelNetwork.observe().unwrap();
        assert_eq!(seen().links[&device], Some(link.clone()));
        assert!(seen().ipv6[&device].carried && !seen().ipv6[&device].autonomous);
        let addresses = run("ip -6 -o address show dev tl-2");
        assert!(!addresses.contains("fe80"), "{addresses}");

        run("ip address add fe80::7/64 dev tl-2 nodad");
        run("ip -6 route add default via fe80::9 dev tl-2 proto ra");
        assert!(seen().ipv6[&device].autonomous);
        KernelNetwork.guard_link(device, &link).unwrap();
        assert_eq!(seen().links[&device], Some(link));
        assert!(!seen().ipv6[&device].autonomous);
        let routes = run("ip -6 route");
        assert!(!routes.contains("default"), "{routes}");
    });
}
