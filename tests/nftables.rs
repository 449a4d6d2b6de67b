//! The real nft takes the table we render, it touches no other table, and TCP between LANs gets
//! segments that fit the tunnel.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::path::Path;

use support::gateway::{address, cable, netns};
use support::mesh;
use support::sandbox::{self, run, succeeds};
use tieline::bundle::unpack;
use tieline::compile::compile;

const TOOLS: &[&str] = &["unshare", "ip", "nft", "bash", "sysctl"];

/// The rendered table, in a file.
fn table(directory: &Path) -> String {
    let bundles = compile(&mesh::numbered(&mesh::of(2)));
    let (_, files) = unpack(&bundles["gw-1"].bytes).unwrap();
    let path = directory.join("tieline.nft");
    let content = files.get(&"nftables/tieline.nft".parse().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn replaces_its_own_table_and_no_other() {
    sandbox::enter("replaces_its_own_table_and_no_other", TOOLS, || {
        let directory = tempfile::tempdir().unwrap();
        let table = table(directory.path());
        run("nft add table inet theirs");
        run("nft add chain inet theirs forward { type filter hook forward priority 0 ; }");
        run("nft add rule inet theirs forward tcp dport 22 counter accept");
        run("nft add table ip tieline");
        let others = run("nft list ruleset");

        // The check alone changes nothing.
        run(&format!("nft -c -f {table}"));
        assert_eq!(run("nft list ruleset"), others);

        run(&format!("nft -f {table}"));
        let ours = run("nft list table inet tieline");
        // What somebody added to our table goes, and nothing piles up.
        run("nft add chain inet tieline stray");
        run("nft add rule inet tieline forward tcp dport 23 drop");
        run(&format!("nft -f {table}"));
        assert_eq!(run("nft list table inet tieline"), ours);
        run("nft delete table inet tieline");
        assert_eq!(run("nft list ruleset"), others);
    });
}

/// A host behind a gateway, a server behind the tunnel; a plain cable of the tunnel's MTU and
/// name stands in for the tunnel.
#[test]
fn clamps_the_segments_of_both_directions() {
    sandbox::enter("clamps_the_segments_of_both_directions", TOOLS, || {
        let directory = tempfile::tempdir().unwrap();
        let table = table(directory.path());
        for name in ["host", "gw", "server"] {
            netns(name);
        }
        cable("host", "eth0", "gw", "lan");
        cable("gw", "tl-2", "server", "eth0");
        address("host", "eth0", "10.0.1.2/24");
        address("gw", "lan", "10.0.1.1/24");
        address("gw", "tl-2", "10.0.2.1/24");
        address("server", "eth0", "10.0.2.2/24");
        run("ip -n host route add default via 10.0.1.1");
        run("ip -n server route add default via 10.0.2.1");
        run("ip -n gw link set tl-2 mtu 1400");
        run("ip netns exec gw sysctl -qw net.ipv4.ip_forward=1");

        // 1400 - 20 (IP) - 20 (TCP).
        let seen = |at: &str, from: &str, to: &str, size: u16| {
            run(&format!("ip netns exec {at} nft flush ruleset"));
            run(&format!("ip netns exec {at} nft add table inet seen"));
            run(&format!(
                "ip netns exec {at} nft add chain inet seen input {{ type filter hook input priority 0 ; }}"
            ));
            run(&format!(
                "ip netns exec {at} nft add rule inet seen input tcp flags syn tcp option maxseg size {size} counter"
            ));
            // Nobody listens: the first packet is all it takes.
            assert!(!succeeds(&format!("ip netns exec {from} bash -c exec<>/dev/tcp/{to}/80")));
            run(&format!("ip netns exec {at} nft list table inet seen")).contains("packets 1 ")
        };
        assert!(seen("server", "host", "10.0.2.2", 1460), "without the table nothing is clamped");
        run(&format!("ip netns exec gw nft -f {table}"));
        assert!(seen("server", "host", "10.0.2.2", 1360), "out through the tunnel");
        assert!(seen("host", "server", "10.0.1.2", 1360), "in through the tunnel");
        // Segments that fit already are left alone.
        run("ip -n host route change default via 10.0.1.1 advmss 1000");
        assert!(seen("server", "host", "10.0.2.2", 1000), "small enough");
    });
}
