//! The one place where choices are put together: from a numbered mesh to the graph.

use std::collections::BTreeMap;

use super::graph::{End, Gateway, GatewayIndex, LanIndex, Plan, Side, Tunnel, TunnelIndex, Uplink};
use super::next_hops::next_hops;
use super::numbers::{TUNNEL_MTU, device, listening_port, mesh_address};
use super::roles::roles;
use crate::model::{Lan, Mesh, NumberedMesh};

/// Makes every choice for a mesh: a full mesh of tunnels between the gateways of different LANs,
/// and on every gateway a next hop to every prefix of every other LAN.
#[must_use]
pub fn plan(numbered: &NumberedMesh) -> Plan {
    let mesh = numbered.mesh;
    let lans: Vec<&Lan> = mesh.lans.values().collect();
    let mut gateways = gateways(numbered, &lans);
    let tunnels = tunnels(mesh, &gateways);
    for (index, tunnel) in tunnels.iter().enumerate() {
        for side in [Side::Lower, Side::Higher] {
            let GatewayIndex(gateway) = side.near(tunnel).gateway;
            if let Some(gateway) = gateways.get_mut(gateway) {
                gateway.tunnels.push((TunnelIndex(index), side));
            }
        }
    }
    let hops: Vec<_> = gateways
        .iter()
        .map(|gateway| next_hops(&gateway.tunnels, &tunnels, &gateways, &lans))
        .collect();
    for (gateway, hops) in gateways.iter_mut().zip(hops) {
        gateway.next_hops = hops;
    }
    let indexes = gateways.iter().enumerate();
    let by_name: BTreeMap<_, _> =
        indexes.map(|(index, gateway)| (gateway.name.clone(), GatewayIndex(index))).collect();
    let lans = lans.into_iter().map(|lan| lan.name.clone()).collect();
    Plan { mesh: mesh.name.clone(), lans, gateways, tunnels, by_name }
}

/// Every gateway in order of number, without tunnels yet.
fn gateways(numbered: &NumberedMesh, lans: &[&Lan]) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for (index, lan) in lans.iter().enumerate() {
        for gateway in lan.gateways.values() {
            // A numbered mesh has a number for each of its gateways.
            let Some(&number) = numbered.numbers.get(&gateway.name) else { continue };
            let first = Uplink {
                number,
                mesh_address: mesh_address(&numbered.mesh.tunnels, number),
                endpoint: gateway.endpoint.clone(),
            };
            gateways.push(Gateway {
                name: gateway.name.clone(),
                number,
                lan: LanIndex(index),
                address: gateway.address.into(),
                certificates: gateway.certificates.clone(),
                uplinks: vec![first],
                tunnels: Vec::new(),
                next_hops: Vec::new(),
            });
        }
    }
    gateways.sort_by_key(|gateway| gateway.number);
    gateways
}

/// A tunnel between any two gateways of different LANs, in the order of their numbers.
fn tunnels(mesh: &Mesh, gateways: &[Gateway]) -> Vec<Tunnel> {
    let mut tunnels = Vec::new();
    for (lower, one) in gateways.iter().enumerate() {
        for (higher, other) in gateways.iter().enumerate().skip(lower + 1) {
            if one.lan != other.lan {
                let ends = [(GatewayIndex(lower), one), (GatewayIndex(higher), other)];
                tunnels.extend(tunnel(mesh, ends));
            }
        }
    }
    tunnels
}

/// The tunnel between the first uplinks of two gateways.
fn tunnel(mesh: &Mesh, [lower, higher]: [(GatewayIndex, &Gateway); 2]) -> Option<Tunnel> {
    let uplinks = [lower.1.uplinks.first()?, higher.1.uplinks.first()?];
    let [one, other] = uplinks;
    let [role, far_role] = roles(uplinks);
    let end = |gateway, near: &Uplink, far: &Uplink, role| End {
        gateway,
        uplink: 0,
        device: device(near.number, true, far.number),
        port: listening_port(&mesh.tunnels, far.number),
        role,
    };
    let ends = [end(lower.0, one, other, role), end(higher.0, other, one, far_role)];
    Some(Tunnel { ends, mtu: TUNNEL_MTU })
}
