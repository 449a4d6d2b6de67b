//! What is missing or wrong on a real gateway, alone and together: one run rights it, and hosts reach
//! each other again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::time::Duration;

use support::inside::{self, Inside};

const PATIENCE: Duration = Duration::from_secs(40);

/// What somebody does on the gateway, as a line of sh; `$gw` is its directory.
const WRONGS: &[&str] = &[
    "ip link delete tl-2",
    "ip link delete tl-2 && ip link delete tl-3",
    "ip link set tl-2 down",
    "ip link set tl-2 down && ip link set tl-2 name spare$$",
    "ip link set tl-2 down && ip link set tl-2 name other$$ && ip link set other$$ up",
    "ip link delete tl-2 && ip tuntap add dev tl-2 mode tun",
    "ip link set tl-2 mtu 600",
    "ip address flush dev tl-2",
    "ip address add 10.99.0.1/32 dev tl-2",
    "ip route delete 10.1.2.0/24",
    "ip route replace 10.1.2.0/24 dev tl-3 proto 84 src 10.1.1.1",
    "ip route add 10.98.0.0/24 dev tl-3 proto 84",
    "ip route flush proto 84",
    "nft delete table inet tieline",
    "nft flush ruleset",
    "nft insert rule inet tieline forward drop",
    "sysctl -qw net.ipv4.ip_forward=0",
    "kill -9 $(cat $gw/run/openvpn/tl-2.pid)",
    "rm $gw/run/openvpn/tl-2.pid",
    "ip link set tl-2 netns host-lan-1",
    "kill -9 $(cat $gw/run/openvpn/*.pid) && rm $gw/run/openvpn/*.pid",
    "rm $gw/run/applied.json",
    "echo '{' > $gw/run/applied.json",
    "echo 'remote 192.0.2.1' >> $gw/state/current/openvpn/tl-2.conf",
    "rm $gw/state/current/openvpn/tl-3.conf",
    "chmod 777 $gw/state/current/openvpn/tl-2.conf",
    "rm $gw/state/current/bundle.json",
    "rm -r $gw/state/history.json $gw/state/status.json",
];

/// Does all of it on gateway 1, runs its reconciler once, and waits until everybody is reached.
fn one_run_rights(lab: &Inside, wrongs: &[&str]) {
    for wrong in wrongs {
        let line = format!("gw={}; {wrong}", lab.directory(1));
        let done = lab.on_gateway(1, &["sh", "-c", &line]).output().unwrap();
        // What comes second may find nothing left to break.
        let broken = done.status.success() || wrongs.len() > 1;
        assert!(broken, "{wrong}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let ended = lab.reconcile(1);
    assert_eq!(ended.code, 0, "{wrongs:?}: {}", ended.stderr);
    lab.all_reach(PATIENCE);
    let again = lab.converge(1);
    assert_eq!(again, "", "{wrongs:?}: a second run found something to do");
}

/// Wrongs in an order that the seed gives.
fn shuffled(seed: u64) -> Vec<&'static str> {
    // Marsaglia, "Xorshift RNGs".
    let mut state = seed | 1;
    let mut wrongs: Vec<_> = WRONGS
        .iter()
        .map(|wrong| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state, *wrong)
        })
        .collect();
    wrongs.sort_unstable();
    wrongs.into_iter().map(|(_, wrong)| wrong).collect()
}

/// Every wrong once, three at a time.
#[test]
fn one_run_rights_three_wrongs_of_a_gateway() {
    inside::enter("one_run_rights_three_wrongs_of_a_gateway", 3, |lab| {
        lab.all_reach(PATIENCE);
        for wrongs in shuffled(7).chunks(3) {
            one_run_rights(lab, wrongs);
        }
    });
}

#[test]
#[ignore = "it takes ten minutes: `make soak`"]
fn one_run_rights_each_wrong_and_many_together() {
    inside::enter("one_run_rights_each_wrong_and_many_together", 3, |lab| {
        lab.all_reach(PATIENCE);
        for wrong in WRONGS {
            one_run_rights(lab, &[wrong]);
        }
        for seed in 1..=20 {
            eprintln!("repairs: seed {seed}");
            for wrongs in shuffled(seed).chunks(usize::try_from(seed % 4 + 2).unwrap()) {
                one_run_rights(lab, wrongs);
            }
        }
    });
}
