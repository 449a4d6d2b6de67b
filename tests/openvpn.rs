//! The real OpenVPN takes what we render, and packets go through. OpenVPN has no mode that checks
//! a configuration without running it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::path::Path;
use std::time::Duration;

use support::gateway::{Gateway, Identity, address, cable, netns};
use support::mesh;
use support::sandbox::{self, run, succeeds};
use tieline::compile::compile;
use tieline::model::{Endpoint, Mesh};
use tieline::primitives::Device;

const TOOLS: &[&str] = &["unshare", "ip", "openvpn", "nft", "ping", "setpriv", "sysctl"];

/// Much longer than OpenVPN takes to notice a dead peer and to come back.
const SOON: Duration = Duration::from_mins(1);

fn device(peer: u16) -> Device {
    Device::to_peer(mesh::number(peer))
}

/// Two gateways of a mesh, each certificate the one of its identity.
fn mesh_of(identities: &[&Identity]) -> Mesh {
    let mut mesh = mesh::of(u16::try_from(identities.len()).unwrap());
    for (n, identity) in (1..).zip(identities) {
        mesh::gateway(&mut mesh, n).certificates = vec![identity.fingerprint];
    }
    mesh
}

/// Two namespaces gw-1 and gw-2 on one underlay, each with its LAN address on loopback.
fn two_on_one_wire() {
    netns("gw-1");
    netns("gw-2");
    cable("gw-1", "wan", "gw-2", "wan");
    for n in [1, 2] {
        address(&format!("gw-{n}"), "wan", &format!("203.0.0.{n}/24"));
        address(&format!("gw-{n}"), "lo", &format!("10.0.{n}.1/24"));
        run(&format!("ip -n gw-{n} route add default via 203.0.0.254"));
    }
}

fn set_up(directory: &Path, mesh: &Mesh, identities: Vec<Identity>) -> Vec<Gateway> {
    let bundles = compile(&mesh::numbered(mesh));
    let gateway = |(n, identity)| {
        let name = format!("gw-{n}");
        Gateway::set_up(directory, &name, identity, &bundles[name.as_str()].bytes)
    };
    (1..).zip(identities).map(gateway).collect()
}

#[test]
fn a_tunnel_between_two_that_can_be_reached() {
    sandbox::enter("a_tunnel_between_two_that_can_be_reached", TOOLS, || {
        two_on_one_wire();
        let directory = tempfile::tempdir().unwrap();
        let identities =
            vec![Identity::new(directory.path(), "one"), Identity::new(directory.path(), "two")];
        let mesh = mesh_of(&identities.iter().collect::<Vec<_>>());
        let mut gateways = set_up(directory.path(), &mesh, identities);
        let [one, two] = gateways.as_mut_slice() else { panic!("two gateways") };
        one.start();
        two.start();
        one.must_ping("10.0.2.1", SOON);
        two.must_ping("10.0.1.1", SOON);
        assert!(one.logs().contains("TLSv1.3"), "{}", one.logs());
        assert!(one.logs().contains("cipher=AES-256-GCM"), "{}", one.logs());

        // The largest packet the MTU promises crosses whole; 28 bytes are IP and ICMP.
        let whole = |size| format!("ip netns exec gw-1 ping -c1 -W1 -M do -s {size} 10.0.2.1");
        assert!(succeeds(&whole(1400 - 28)));
        assert!(!succeeds(&whole(1400 - 27)));

        // A crash of either process takes neither device nor address nor route away, and the
        // tunnel comes back by itself.
        let links = |name: &str| {
            let routes = run(&format!("ip -n {name} -o -4 route")).replace(" linkdown", "");
            (routes, run(&format!("ip -n {name} -o -4 addr")))
        };
        for (gateway, peer) in gateways.iter_mut().zip([2, 1]) {
            let far = format!("10.0.{peer}.1");
            let before = links(&gateway.name);
            assert!(before.0.contains(&format!("10.0.{peer}.0/24 dev tl-{peer}")), "{}", before.0);
            gateway.kill(device(peer));
            assert!(!gateway.pings(&far));
            assert_eq!(links(&gateway.name), before, "{} without its process", gateway.name);
            // Nor does anything for the far LAN leave in the clear meanwhile.
            let way = run(&format!("ip -n {} route get {far}", gateway.name));
            assert!(way.contains(&format!("dev tl-{peer} ")), "{way}");
            gateway.start_tunnel(device(peer));
            gateway.must_ping(&far, SOON);
            assert_eq!(links(&gateway.name), before, "{} with a new process", gateway.name);
        }
    });
}

/// gw-2 behind a NAT that gives every flow a random port; gw-1 in the open. Both run, and reach
/// each other.
fn one_behind_nat(directory: &Path) -> (Gateway, Gateway) {
    for name in ["gw-1", "gw-2", "nat"] {
        netns(name);
    }
    cable("gw-1", "wan", "nat", "outside");
    cable("gw-2", "wan", "nat", "inside");
    address("gw-1", "wan", "203.0.0.1/24");
    address("nat", "outside", "203.0.0.9/24");
    address("nat", "inside", "192.168.77.1/24");
    address("gw-2", "wan", "192.168.77.2/24");
    run("ip -n gw-2 route add default via 192.168.77.1");
    run("ip netns exec nat sysctl -qw net.ipv4.ip_forward=1");
    run("ip netns exec nat nft add table ip nat");
    run("ip netns exec nat nft add chain ip nat post { type nat hook postrouting priority 100 ; }");
    run("ip netns exec nat nft add rule ip nat post oifname outside masquerade random");
    address("gw-1", "lo", "10.0.1.1/24");
    address("gw-2", "lo", "10.0.2.1/24");

    let identities = vec![Identity::new(directory, "one"), Identity::new(directory, "two")];
    let mut mesh = mesh_of(&identities.iter().collect::<Vec<_>>());
    mesh::gateway(&mut mesh, 2).endpoint = None;
    let mut gateways = set_up(directory, &mesh, identities);
    let (mut two, mut one) = (gateways.pop().unwrap(), gateways.pop().unwrap());
    one.start();
    two.start();
    one.must_ping("10.0.2.1", SOON);
    two.must_ping("10.0.1.1", SOON);
    (one, two)
}

#[test]
fn a_gateway_behind_nat() {
    sandbox::enter("a_gateway_behind_nat", TOOLS, || {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = one_behind_nat(directory.path());
        // The NAT chose another port than the gateway did.
        let log = one.log_of(device(2));
        assert!(log.contains("[AF_INET]203.0.0.9:"), "{log}");
        assert!(!log.contains("[AF_INET]203.0.0.9:11001"), "{log}");

        // The provider gives the NAT another address: the tunnel follows.
        run("ip -n nat addr del 203.0.0.9/24 dev outside");
        address("nat", "outside", "203.0.0.10/24");
        two.must_ping("10.0.1.1", SOON);
        one.must_ping("10.0.2.1", SOON);
    });
}

#[test]
fn a_gateway_behind_nat_calls_again() {
    sandbox::enter("a_gateway_behind_nat_calls_again", TOOLS, || {
        let directory = tempfile::tempdir().unwrap();
        let (mut one, _two) = one_behind_nat(directory.path());
        // The end that cannot call crashes and comes back.
        one.kill(device(2));
        one.start_tunnel(device(2));
        one.must_ping("10.0.2.1", SOON);
    });
}

#[test]
fn only_the_listed_certificates_are_let_in() {
    sandbox::enter("only_the_listed_certificates_are_let_in", TOOLS, || {
        two_on_one_wire();
        let directory = tempfile::tempdir().unwrap();
        let identity = |name| Identity::new(directory.path(), name);
        let (one, stranger, next) = (identity("one"), identity("stranger"), identity("next"));

        let mut mesh = mesh_of(&[&one, &identity("two")]);
        mesh::gateway(&mut mesh, 2).certificates.push(next.fingerprint);
        let bundles = compile(&mesh::numbered(&mesh));
        let bundle = |name: &str| bundles[name].bytes.as_slice();
        let mut server = Gateway::set_up(directory.path(), "gw-1", one, bundle("gw-1"));
        server.start();

        // The peer with a key of its own making.
        let mut client = Gateway::set_up(directory.path(), "gw-2", stranger, bundle("gw-2"));
        client.start();
        let refused = || server.log_of(device(2)).contains("TLS handshake failed");
        assert!(sandbox::wait(SOON, refused), "{}", server.logs());
        assert!(!server.pings("10.0.2.1"));
        assert!(!server.logs().contains("Initialization Sequence Completed"), "{}", server.logs());

        // The same peer in the middle of a rotation, with its next certificate.
        client.kill(device(1));
        client.become_someone(next);
        client.start();
        server.must_ping("10.0.2.1", SOON);
    });
}

/// The longest name that mesh.yaml may have for an endpoint: one more is more than OpenVPN reads.
#[test]
fn the_longest_name_is_looked_up() {
    sandbox::enter("the_longest_name_is_looked_up", TOOLS, || {
        netns("gw-1");
        address("gw-1", "lo", "10.0.1.1/24");
        let directory = tempfile::tempdir().unwrap();
        let identity = |name| Identity::new(directory.path(), name);
        let (one, two) = (identity("one"), identity("two"));
        let mut mesh = mesh_of(&[&one, &two]);
        let longest = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(55));
        mesh::gateway(&mut mesh, 2).endpoint = Some(Endpoint::Host(longest.clone()));
        let bundles = compile(&mesh::numbered(&mesh));
        let bundle = &bundles["gw-1"].bytes;
        let mut gateway = Gateway::set_up(directory.path(), "gw-1", one, bundle);
        gateway.start();
        let asked = || gateway.logs().contains(&format!("Cannot resolve host address: {longest}"));
        assert!(sandbox::wait(SOON, asked), "{}", gateway.logs());
    });
}
