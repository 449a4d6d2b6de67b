//! What of the firewall's table is somebody's doing, on the real kernel: an edit of anything in it shows,
//! and what packets change does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use support::sandbox::{self, run};
use tieline::host::{KernelNetwork, Network as _};
use tieline::primitives::Digest;

/// A table with everything that counts, and with sets that people and that packets fill.
const TABLE: &str = r#"
table inet tieline {
    counter replies { }
    quota plenty { over 500 mbytes }
    set hosts {
        type ipv4_addr
        flags interval
        counter
        elements = { 10.0.0.0/8 comment "ours", 127.0.0.0/8, 192.168.1.7 }
    }
    set seen {
        type ipv4_addr
        flags dynamic, timeout
        timeout 1h
    }
    map verdicts {
        type inet_service : verdict
        elements = { 22 : accept, 23 : drop }
    }
    chain output {
        type filter hook output priority 0; policy accept;
        counter
        counter name "replies"
        quota name "plenty" drop
        ip saddr @hosts counter accept
        quota until 500 mbytes
        tcp dport vmap @verdicts
        tcp dport { 80, 443 } counter
    }
    chain input {
        type filter hook input priority 0; policy accept;
        update @seen { ip saddr }
        limit rate 10/second burst 5 packets counter
    }
}
"#;

fn table() -> Option<Digest> {
    KernelNetwork.observe().unwrap().table
}

fn load(text: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    run(&format!("nft -f {}", file.path().display()));
}

#[test]
fn what_packets_change_is_no_edit() {
    sandbox::enter("what_packets_change_is_no_edit", &["unshare", "ip", "nft", "ping"], || {
        run("ip link set lo up");
        assert_eq!(table(), None);
        load(TABLE);
        let (digest, listed) = (table(), run("nft list table inet tieline"));
        assert!(digest.is_some());
        run("ping -c 3 -i 0.2 127.0.0.1");
        let after = run("nft list table inet tieline");
        assert!(after.contains("packets 6"), "nothing was counted:\n{after}");
        assert!(after.contains("elements = { 127.0.0.1"), "no element was added:\n{after}");
        assert_ne!(after, listed);
        assert_eq!(table(), digest, "traffic looks like an edit:\n{after}");
        run("nft reset counters table inet tieline");
        assert_eq!(table(), digest);
    });
}

#[test]
fn every_edit_shows() {
    sandbox::enter("every_edit_shows", &["unshare", "ip", "nft"], || {
        for edit in [
            "add element inet tieline hosts { 172.16.0.0/12 }",
            "delete element inet tieline hosts { 192.168.1.7 }",
            "flush set inet tieline hosts",
            "add element inet tieline verdicts { 24 : drop }",
            "delete element inet tieline verdicts { 23 }",
            "add set inet tieline more { type ipv4_addr; }",
            "delete map inet tieline gone",
            "add counter inet tieline more",
            "delete counter inet tieline gone",
            "add rule inet tieline output counter drop",
            "insert rule inet tieline output accept",
            "flush chain inet tieline input",
            "add chain inet tieline more",
            "add chain inet tieline output { policy drop; }",
            "delete table inet tieline",
        ] {
            load(TABLE);
            run("nft add map inet tieline gone { type ipv4_addr : verdict; }");
            run("nft add counter inet tieline gone");
            let before = table();
            assert!(before.is_some() && before == table());
            run(&format!("nft {edit}"));
            assert_ne!(table(), before, "{edit} is not seen");
            let _ = sandbox::succeeds("nft delete table inet tieline");
        }
        // Another verdict for the same key: the same number of elements.
        load(TABLE);
        let before = table();
        load(
            "delete element inet tieline verdicts { 23 : drop }\n\
             add element inet tieline verdicts { 23 : accept }",
        );
        assert_ne!(table(), before);
        // Taken away and put back as it was: the same elements.
        load(
            "delete element inet tieline verdicts { 23 : accept }\n\
             add element inet tieline verdicts { 23 : drop }",
        );
        assert_eq!(table(), before);
    });
}
