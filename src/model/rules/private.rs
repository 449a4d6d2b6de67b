//! LANs and the tunnel network are private, unless a LAN says otherwise in so many words.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::model::draft::Draft;
use crate::spec::{Code, Finding};

/// What is nobody's on the public internet: RFC 1918, the shared space of RFC 6598 and link-local
/// addresses (RFC 3927). The latter two are warned of by another rule.
const NOT_PUBLIC: [Ipv4Net; 5] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
];

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    if let Some(network) = draft.network.filter(|network| !is_private(network.value)) {
        let message = format!("the tunnel network {} is not private (RFC 1918)", network.value);
        let finding = Finding::new(Code::NotPrivate, network.place, message);
        findings.push(finding.hint("take a private network of its own, such as 172.19.0.0/16"));
    }
    for lan in &draft.lans {
        let allowed = lan.public_addresses.filter(|public| public.value);
        let mut public = lan.networks.iter().filter(|network| !is_private(network.value));
        let Some(permission) = allowed else {
            findings.extend(public.map(|network| {
                let message =
                    format!("LAN {} {} is not private (RFC 1918)", lan.label.value, network.value);
                let finding = Finding::new(Code::NotPrivate, network.place, message);
                finding
                    .hint("if these addresses are yours, add `public-addresses: true` to the LAN")
            }));
            continue;
        };
        if lan.networks_complete && public.next().is_none() {
            let message = format!(
                "LAN {} says `public-addresses: true`, but all its networks are private",
                lan.label.value
            );
            let finding = Finding::new(Code::NeedlessPermission, permission.place, message);
            findings.push(finding.hint("remove the line, so that a typing error is noticed"));
        }
    }
}

fn is_private(network: Ipv4Net) -> bool {
    NOT_PUBLIC.iter().any(|range| range.contains(&network))
}
