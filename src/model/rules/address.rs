//! A gateway's address lies inside its LAN, and is that of a host.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::model::draft::{Draft, DraftGateway, DraftLan};
use crate::spec::{Code, Finding, Placed};

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    for (lan, gateway) in draft.gateways() {
        let Some(address) = gateway.address else { continue };
        let around = lan.networks.iter().find(|network| network.value.contains(&address.value));
        match around {
            Some(network) => findings.extend(not_a_host(gateway, address, *network)),
            None if lan.networks_complete => findings.extend(outside(lan, gateway, address)),
            None => {}
        }
    }
}

fn outside(
    lan: &DraftLan<'_>,
    gateway: &DraftGateway<'_>,
    address: Placed<Ipv4Addr>,
) -> Option<Finding> {
    // A LAN without networks has been reported as such.
    let network = lan.networks.first()?;
    let message = format!(
        "gateway {}: address {} is in none of the networks of LAN {}",
        gateway.label.value, address.value, lan.label.value
    );
    let finding = Finding::new(Code::AddressOutside, address.place, message);
    let more = lan.networks.len() - 1;
    let label = match more {
        0 => "the LAN's network".to_owned(),
        more => format!("the LAN's networks: this and {more} more"),
    };
    let finding = finding.related(network.place, label);
    Some(finding.hint("write the gateway's own address inside its LAN"))
}

fn not_a_host(
    gateway: &DraftGateway<'_>,
    address: Placed<Ipv4Addr>,
    network: Placed<Ipv4Net>,
) -> Option<Finding> {
    // In a /31 (RFC 3021) and a /32 every address is that of a host.
    if network.value.prefix_len() >= 31 {
        return None;
    }
    let what = if address.value == network.value.network() {
        "the network address"
    } else if address.value == network.value.broadcast() {
        "the broadcast address"
    } else {
        return None;
    };
    let message = format!(
        "gateway {}: address {} is {what} of {}",
        gateway.label.value, address.value, network.value
    );
    Some(
        Finding::new(Code::NotAHost, address.place, message).related(network.place, "this network"),
    )
}
