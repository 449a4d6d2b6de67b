//! The one place where choices are made.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Connect, GatewayPlan, Plan, Route, TUNNEL_MTU, TlsRole, Tunnel};
use super::{listening_port, mesh_address};
use crate::model::{Gateway, Lan, Mesh, NumberedMesh};
use crate::primitives::{Device, GatewayNumber};

/// Makes every choice for a mesh: a full mesh of tunnels between the gateways of different LANs,
/// and on every gateway a route to every prefix of every other LAN.
#[must_use]
pub fn plan(numbered: &NumberedMesh) -> Plan {
    let members = members(numbered);
    let gateways = members
        .iter()
        .map(|own| (own.gateway.name.clone(), plan_gateway(numbered.mesh, own, &members)))
        .collect();
    Plan { mesh: numbered.mesh.name.clone(), gateways }
}

/// A gateway with all that is known of it.
#[derive(Clone, Copy)]
struct Member<'a> {
    lan: &'a Lan,
    gateway: &'a Gateway,
    number: GatewayNumber,
}

/// Every gateway, in order of number.
fn members<'a>(numbered: &'a NumberedMesh) -> Vec<Member<'a>> {
    let numbered_member = |(lan, gateway): (&'a Lan, &'a Gateway)| {
        // A numbered mesh has a number for each of its gateways.
        numbered.numbers.get(&gateway.name).map(|&number| Member { lan, gateway, number })
    };
    let mut members: Vec<_> = numbered.mesh.gateways().filter_map(numbered_member).collect();
    members.sort_by_key(|member| member.number);
    members
}

fn plan_gateway(mesh: &Mesh, own: &Member, members: &[Member]) -> GatewayPlan {
    let peers = || members.iter().filter(|peer| peer.lan.name != own.lan.name);
    GatewayPlan {
        mesh: mesh.name.clone(),
        name: own.gateway.name.clone(),
        number: own.number,
        lan: own.lan.name.clone(),
        mesh_address: mesh_address(&mesh.tunnels, own.number),
        certificates: own.gateway.certificates.clone(),
        tunnels: peers().map(|peer| plan_tunnel(mesh, own, peer)).collect(),
        routes: plan_routes(own, peers()),
    }
}

/// The end of a tunnel that is at `own`.
fn plan_tunnel(mesh: &Mesh, own: &Member, peer: &Member) -> Tunnel {
    Tunnel {
        device: Device::to_peer(peer.number),
        peer: peer.gateway.name.clone(),
        role: role(own, peer),
        local: mesh_address(&mesh.tunnels, own.number).into(),
        remote: mesh_address(&mesh.tunnels, peer.number).into(),
        local_port: listening_port(&mesh.tunnels, peer.number),
        connect: peer
            .gateway
            .endpoint
            .clone()
            .map(|endpoint| Connect { endpoint, port: listening_port(&mesh.tunnels, own.number) }),
        peer_certificates: peer.gateway.certificates.clone(),
        mtu: TUNNEL_MTU,
    }
}

/// Who begins the handshake: the end that nobody can reach has to; between two that can be
/// reached it is the higher number, so that the answer is the same at both ends.
fn role(own: &Member, peer: &Member) -> TlsRole {
    let reachable = |member: &Member| member.gateway.endpoint.is_some();
    let first = reachable(own).cmp(&reachable(peer)).then(peer.number.cmp(&own.number));
    if first == Ordering::Less { TlsRole::Client } else { TlsRole::Server }
}

/// Routes to every prefix of every other LAN, through that LAN's gateway with the lowest number.
fn plan_routes<'a>(own: &Member, peers: impl Iterator<Item = &'a Member<'a>>) -> Vec<Route> {
    let mut routes = BTreeMap::new();
    for peer in peers {
        for network in &peer.lan.networks {
            // Peers come in order of number: the first one stays.
            routes.entry(*network).or_insert(Route {
                to: *network,
                device: Device::to_peer(peer.number),
                source: own.gateway.address.into(),
            });
        }
    }
    routes.into_values().collect()
}
