//! Ranges that hosts often have in use without anybody having decided so.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::model::draft::Draft;
use crate::spec::{Code, Finding, Placed};

const RANGES: [(Ipv4Net, &str); 6] = [
    (Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 0), 16), "Docker's default bridge"),
    (Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 122, 0), 24), "libvirt's default network"),
    (Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12), "Kubernetes' default for services"),
    (
        Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16),
        "flannel's default for pods in Kubernetes",
    ),
    (
        Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
        "carrier-grade NAT, RFC 6598, and overlay VPNs",
    ),
    (
        Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
        "link-local, RFC 3927, and cloud metadata",
    ),
];

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    if let Some(network) = draft.network {
        findings.extend(warnings("the tunnel network", network));
    }
    for (lan, network) in draft.lan_networks() {
        findings.extend(warnings(&format!("LAN {}", lan.label.value), network));
    }
}

fn warnings(owner: &str, network: Placed<Ipv4Net>) -> impl Iterator<Item = Finding> {
    let overlapping = move |&(range, _): &(Ipv4Net, _)| {
        range.contains(&network.value) || network.value.contains(&range)
    };
    RANGES.into_iter().filter(overlapping).map(move |(range, what)| {
        let message = format!("{owner} {} overlaps {range} ({what})", network.value);
        let finding = Finding::new(Code::WellKnownRange, network.place, message);
        finding.hint("hosts that have this range in use themselves will not reach the mesh's")
    })
}
