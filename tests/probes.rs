//! Who counts as having answered: real packets between network namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use support::sandbox::{self, run, wait};
use tieline::host::{EchoTarget, Probes as _, RealProbes};

const TOOLS: &[&str] = &["ip", "nft", "ping", "unshare"];

/// Long enough for a busy machine; only those who do not answer take it.
const PATIENCE: Duration = Duration::from_secs(1);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A neighbour in a namespace of its own at the other end of a device of ours.
fn neighbour(name: &str, device: &str, ours: &str, theirs: &[&str]) {
    run(&format!("ip netns add {name}"));
    run(&format!("ip link add {device} type veth peer name far netns {name}"));
    run(&format!("ip address add {ours}/24 dev {device}"));
    run(&format!("ip link set {device} up"));
    for address in theirs {
        run(&format!("ip -n {name} address add {address} dev far"));
    }
    run(&format!("ip -n {name} link set far up"));
}

fn echo(targets: &[EchoTarget]) -> Vec<bool> {
    let answers = RealProbes.echo(targets, PATIENCE);
    answers.into_iter().map(|answer| answer.is_some()).collect()
}

fn through(device: &str, to: &str) -> EchoTarget {
    EchoTarget { address: address(to), device: Some(device.parse().unwrap()) }
}

fn anyhow(to: &str) -> EchoTarget {
    EchoTarget { address: address(to), device: None }
}

#[test]
fn an_answer_comes_from_the_far_end_through_its_device() {
    let name = "an_answer_comes_from_the_far_end_through_its_device";
    sandbox::enter(name, TOOLS, || {
        run("ip link set lo up");
        neighbour("b", "tl-2", "10.1.2.1", &["10.1.2.2/24", "fd00:2::2/64"]);
        neighbour("c", "tl-3", "10.1.3.1", &["10.1.3.3/24"]);
        run("ip address add fd00:2::1/64 dev tl-2");

        // IPv4 and IPv6, through a device or wherever routes lead.
        let there = [through("tl-2", "10.1.2.2"), through("tl-2", "fd00:2::2"), anyhow("10.1.3.3")];
        // Neighbours find each other in their own time.
        assert!(wait(Duration::from_secs(20), || echo(&there) == [true; 3]));
        // An address that answers, but through another device; a device, but not this address; no
        // such device; no way there.
        let not = [
            through("tl-3", "10.1.2.2"),
            through("tl-2", "10.1.2.9"),
            through("tl-9", "10.1.2.2"),
            anyhow("10.99.0.1"),
            anyhow("fd00:99::1"),
        ];
        assert_eq!(echo(&not), [false; 5]);

        // A neighbour that answers in the name of another, or is silent.
        for protocol in ["default", "all"] {
            run(&format!("sysctl -qw net.ipv4.conf.{protocol}.rp_filter=0"));
        }
        run("sysctl -qw net.ipv4.conf.tl-2.rp_filter=0");
        run("ip netns exec b nft add table ip t");
        run("ip netns exec b nft add chain ip t out { type filter hook output priority raw ; }");
        run("ip netns exec b nft add rule ip t out icmp type echo-reply ip saddr set 10.1.2.7");
        assert_eq!(echo(&[through("tl-2", "10.1.2.2")]), [false]);
        run("ip netns exec b nft flush chain ip t out");
        assert_eq!(echo(&[through("tl-2", "10.1.2.2")]), [true]);
        run("ip netns exec b nft add rule ip t out icmp type echo-reply drop");
        assert_eq!(echo(&[through("tl-2", "10.1.2.2")]), [false]);
    });
}

#[test]
fn one_lost_packet_is_no_silence() {
    sandbox::enter("one_lost_packet_is_no_silence", TOOLS, || {
        neighbour("b", "tl-2", "10.1.2.1", &["10.1.2.2/24"]);
        run("ip netns exec b nft add table ip t");
        run("ip netns exec b nft add chain ip t in { type filter hook input priority 0 ; }");
        // The first of every two.
        run("ip netns exec b nft add rule ip t in icmp type echo-request numgen inc mod 2 0 drop");
        let answers = RealProbes.echo(&[through("tl-2", "10.1.2.2")], PATIENCE);
        assert!(answers[0].is_some_and(|time| time < PATIENCE / 2), "{answers:?}");
    });
}

#[test]
fn many_are_asked_at_the_same_time() {
    sandbox::enter("many_are_asked_at_the_same_time", TOOLS, || {
        neighbour("b", "tl-2", "10.1.2.1", &["10.1.2.2/24"]);
        for n in 1..=250 {
            run(&format!("ip -n b address add 10.7.0.{n}/32 dev far"));
        }
        run("ip route add 10.7.0.0/16 dev tl-2");
        // More than have room in one round, every second of them silent.
        let target = |n: u32| anyhow(&format!("10.7.{}.{}", n % 2, n / 2 + 1));
        let targets: Vec<_> = (0..500).map(target).collect();
        let begun = Instant::now();
        let answers = echo(&targets);
        let one_by_one = PATIENCE * 250;
        assert!(begun.elapsed() < one_by_one / 4, "{:?}", begun.elapsed());
        let expected: Vec<_> = (0..500).map(|n| n % 2 == 0).collect();
        assert_eq!(answers, expected);
    });
}

#[test]
fn a_connection_is_taken_or_not() {
    sandbox::enter("a_connection_is_taken_or_not", TOOLS, || {
        run("ip link set lo up");
        neighbour("b", "tl-2", "10.1.2.1", &["10.1.2.2/24"]);
        run("ip netns exec b nft add table ip t");
        run(
            "ip netns exec b nft add chain ip t in { type filter hook input priority 0 ; policy drop ; }",
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = "127.0.0.1:1".parse().unwrap();
        let silent = "10.1.2.2:443".parse().unwrap();
        assert_eq!(RealProbes.connect(&[open, closed, silent], PATIENCE), [true, false, false]);
    });
}
