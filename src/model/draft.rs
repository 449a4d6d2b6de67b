//! The mesh in the making: every value that could be understood, with its place.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::Endpoint;
use super::mesh::PortRange;
use super::read;
use crate::primitives::{Fingerprint, Name, PublicKey};
use crate::spec::{
    Finding, GatewaySpec, LanSpec, MeshSpec, Place, Placed, Printable, ReservedSpec,
};

/// mesh.yaml with its values understood one by one, but not yet held against each other. What is
/// missing or made no sense is absent, and has been reported.
pub(super) struct Draft<'a> {
    pub(super) name: Option<Name>,
    pub(super) network: Option<Placed<Ipv4Net>>,
    pub(super) ports: Option<Placed<PortRange>>,
    pub(super) reserved: Vec<DraftReserved<'a>>,
    pub(super) lans: Vec<DraftLan<'a>>,
}

/// An entry of `reserved`.
pub(super) struct DraftReserved<'a> {
    pub(super) network: Option<Placed<Ipv4Net>>,
    pub(super) port: Option<Placed<u16>>,
    pub(super) reason: Printable<'a>,
}

/// A LAN.
pub(super) struct DraftLan<'a> {
    pub(super) label: Placed<Printable<'a>>,
    pub(super) name: Option<Name>,
    pub(super) networks: Vec<Placed<Ipv4Net>>,
    /// Whether every network was understood, so that what is in none of them is outside.
    pub(super) networks_complete: bool,
    pub(super) public_addresses: Option<Placed<bool>>,
    pub(super) gateways: Vec<DraftGateway<'a>>,
}

/// A gateway.
pub(super) struct DraftGateway<'a> {
    pub(super) label: Placed<Printable<'a>>,
    pub(super) name: Option<Name>,
    /// `Some` of `None` is a gateway that says it has no endpoint.
    pub(super) endpoint: Option<Placed<Option<Endpoint>>>,
    pub(super) address: Option<Placed<Ipv4Addr>>,
    pub(super) certificates: Vec<Placed<Fingerprint>>,
    pub(super) public_keys: Vec<Placed<PublicKey>>,
}

impl<'a> Draft<'a> {
    /// Understands what can be understood, and reports the rest.
    pub(super) fn of(spec: &'a MeshSpec, findings: &mut Vec<Finding>) -> Self {
        read::topology(spec.topology.as_ref(), findings);
        read::routing(spec.routing.as_ref(), findings);
        let tunnels = spec.tunnels.as_ref();
        let network = tunnels.and_then(|tunnels| tunnels.network.as_ref());
        let ports = tunnels.and_then(|tunnels| tunnels.ports.as_ref());
        Self {
            name: spec.mesh.as_ref().and_then(|name| read::name("mesh", name, findings)),
            network: network.and_then(|text| read::prefix("the tunnel network", text, findings)),
            ports: ports.and_then(|text| read::port_range(text, findings)),
            reserved: spec.reserved.iter().map(|entry| reserved(entry, findings)).collect(),
            lans: spec.lans.iter().map(|lan| self::lan(lan, findings)).collect(),
        }
    }

    /// Every gateway with its LAN, in the order of mesh.yaml.
    pub(super) fn gateways(&self) -> impl Iterator<Item = (&DraftLan<'a>, &DraftGateway<'a>)> {
        self.lans.iter().flat_map(|lan| lan.gateways.iter().map(move |gateway| (lan, gateway)))
    }

    /// Every network of every LAN, in the order of mesh.yaml.
    pub(super) fn lan_networks(&self) -> impl Iterator<Item = (&DraftLan<'a>, Placed<Ipv4Net>)> {
        self.lans.iter().flat_map(|lan| lan.networks.iter().map(move |&network| (lan, network)))
    }

    /// Where each gateway's name stands, for findings about numbers.
    pub(super) fn gateway_places(&self) -> impl Iterator<Item = (Name, Place)> {
        let named = self.gateways().map(|(_, gateway)| (gateway.name.clone(), gateway.label.place));
        named.filter_map(|(name, place)| name.map(|name| (name, place)))
    }
}

fn reserved<'a>(spec: &'a ReservedSpec, findings: &mut Vec<Finding>) -> DraftReserved<'a> {
    let reason = spec.reason.as_ref().map_or("no reason given", |reason| &reason.value);
    DraftReserved {
        network: spec
            .network
            .as_ref()
            .and_then(|text| read::prefix("the reserved network", text, findings)),
        port: spec.port.as_ref().and_then(|text| read::port(text, findings)),
        reason: Printable(reason),
    }
}

fn lan<'a>(spec: &'a LanSpec, findings: &mut Vec<Finding>) -> DraftLan<'a> {
    let label = spec.name.as_ref().map(|name| Printable(name));
    let name = read::name("LAN", &spec.name, findings);
    let what = format!("LAN {}", label.value);
    let networks: Vec<_> =
        spec.networks.iter().filter_map(|text| read::prefix(&what, text, findings)).collect();
    DraftLan {
        networks_complete: networks.len() == spec.networks.len(),
        networks,
        public_addresses: spec.public_addresses,
        gateways: spec.gateways.iter().map(|gateway| self::gateway(gateway, findings)).collect(),
        label,
        name,
    }
}

fn gateway<'a>(spec: &'a GatewaySpec, findings: &mut Vec<Finding>) -> DraftGateway<'a> {
    let label = spec.name.as_ref().map(|name| Printable(name));
    let name = read::name("gateway", &spec.name, findings);
    let endpoint = spec.endpoint.as_ref();
    let address = spec.address.as_ref();
    DraftGateway {
        endpoint: endpoint.and_then(|text| read::endpoint(label.value, text, findings)),
        address: address.and_then(|text| read::address(label.value, text, findings)),
        certificates: read::certificates(label.value, &spec.certificates, findings),
        public_keys: read::public_keys(label.value, &spec.public_keys, findings),
        label,
        name,
    }
}
