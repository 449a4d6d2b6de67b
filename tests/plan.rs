//! The choices of a plan fit together at both ends of every tunnel, whatever the mesh.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use support::mesh;
use tieline::model::{Mesh, NumberedMesh};
use tieline::plan::{GatewayPlan, Plan, TlsRole, Tunnel, plan};
use tieline::primitives::{GatewayNumber, Name};

/// Two ends of one tunnel.
fn ends(plan: &Plan) -> Vec<(&GatewayPlan, &Tunnel, &GatewayPlan, &Tunnel)> {
    let mut ends = Vec::new();
    for near in plan.gateways.values() {
        for tunnel in &near.tunnels {
            let far = &plan.gateways[&tunnel.peer];
            let other = far.tunnels.iter().find(|other| other.peer == near.name).unwrap();
            ends.push((near, tunnel, far, other));
        }
    }
    ends
}

/// A mesh of some gateways with any numbers, at most one of them behind NAT.
fn meshes() -> impl Strategy<Value = (Mesh, BTreeMap<Name, GatewayNumber>)> {
    let numbers =
        proptest::collection::btree_set(1..900_u16, 0..12).prop_map(Vec::from_iter).prop_shuffle();
    (numbers, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(numbers, hidden, hide)| {
        let count = u16::try_from(numbers.len()).unwrap();
        let mut mesh = mesh::of(count);
        if hide && count > 0 {
            let hidden = u16::try_from(hidden.index(usize::from(count))).unwrap();
            mesh::gateway(&mut mesh, hidden + 1).endpoint = None;
        }
        let names = mesh.gateways().map(|(_, gateway)| gateway.name.clone());
        let numbers = names.zip(numbers.into_iter().map(mesh::number)).collect();
        (mesh, numbers)
    })
}

proptest! {
    #[test]
    fn both_ends_agree((mesh, numbers) in meshes()) {
        let plan = plan(&NumberedMesh { mesh: &mesh, numbers });
        prop_assert_eq!(plan.gateways.len(), mesh.gateways().count());
        for (near, tunnel, far, other) in ends(&plan) {
            prop_assert_eq!(tunnel.device.peer(), far.number);
            prop_assert_eq!((tunnel.local, tunnel.remote), (other.remote, other.local));
            prop_assert_eq!(tunnel.mtu, other.mtu);
            prop_assert_ne!(tunnel.role, other.role);
            prop_assert_eq!(&tunnel.peer_certificates, &far.certificates);
            let gateway = |name: &Name| {
                mesh.gateways().find(|(_, gateway)| gateway.name == *name).unwrap().1
            };
            match &gateway(&far.name).endpoint {
                // The hidden end calls.
                None => {
                    prop_assert_eq!(&tunnel.connect, &None);
                    prop_assert_eq!(tunnel.role, TlsRole::Server);
                    prop_assert!(other.connect.is_some());
                }
                Some(endpoint) => {
                    let connect = tunnel.connect.as_ref().unwrap();
                    prop_assert_eq!(&connect.endpoint, endpoint);
                    prop_assert_eq!(connect.port, other.local_port);
                }
            }
            if tunnel.connect.is_some() && other.connect.is_some() {
                prop_assert_eq!(tunnel.role == TlsRole::Server, near.number < far.number);
            }
        }
    }

    #[test]
    fn every_gateway_has_its_own_of_everything((mesh, numbers) in meshes()) {
        let plan = plan(&NumberedMesh { mesh: &mesh, numbers });
        let addresses: BTreeSet<_> = plan.gateways.values().map(|g| g.mesh_address).collect();
        prop_assert_eq!(addresses.len(), plan.gateways.len());
        for gateway in plan.gateways.values() {
            let ports: BTreeSet<_> = gateway.tunnels.iter().map(|t| t.local_port).collect();
            prop_assert_eq!(ports.len(), gateway.tunnels.len());
            prop_assert!(gateway.tunnels.is_sorted_by_key(|tunnel| tunnel.device));
            prop_assert!(gateway.routes.is_sorted_by_key(|route| route.to));
            let wanted: BTreeSet<_> = mesh.lans.values().filter(|lan| lan.name != gateway.lan)
                .flat_map(|lan| &lan.networks).copied().collect();
            let routed: BTreeSet<_> = gateway.routes.iter().map(|route| route.to).collect();
            prop_assert_eq!(routed, wanted);
            for route in &gateway.routes {
                let tunnel = gateway.tunnels.iter().find(|t| t.device == route.device).unwrap();
                let far = &mesh.lans[&plan.gateways[&tunnel.peer].lan];
                prop_assert!(far.networks.contains(&route.to));
                let own = &mesh.lans[&gateway.lan].gateways[&gateway.name];
                prop_assert_eq!(route.source, own.address);
            }
        }
    }
}

#[test]
fn what_a_number_means() {
    let mesh = mesh::of(3);
    let plan = plan(&mesh::numbered(&mesh));
    let gateway = &plan.gateways["gw-2"];
    assert_eq!(gateway.mesh_address.to_string(), "172.19.0.2");
    let tunnel = &gateway.tunnels[1];
    assert_eq!(tunnel.device.to_string(), "tl-3");
    assert_eq!(tunnel.local_port, 11003);
    let connect = tunnel.connect.as_ref().unwrap();
    assert_eq!((connect.endpoint.to_string().as_str(), connect.port), ("203.0.0.3", 11002));
}

#[test]
fn gateways_of_one_lan_have_no_tunnel_between_them() {
    let mut mesh = mesh::of(3);
    // gw-2 moves in with gw-1.
    let moved = mesh.lans.remove("lan-2").unwrap().gateways;
    mesh.lans.get_mut("lan-1").unwrap().gateways.extend(moved);
    let plan = plan(&mesh::numbered(&mesh));
    let peers = |name: &str| -> Vec<String> {
        plan.gateways[name].tunnels.iter().map(|tunnel| tunnel.peer.to_string()).collect()
    };
    assert_eq!(peers("gw-1"), ["gw-3"]);
    assert_eq!(peers("gw-2"), ["gw-3"]);
    assert_eq!(peers("gw-3"), ["gw-1", "gw-2"]);
    // One route to the LAN of two, through its first gateway.
    let routes = &plan.gateways["gw-3"].routes;
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].device.to_string(), "tl-1");
}

#[test]
fn a_large_mesh_is_planned_whole() {
    let mesh = mesh::of(300);
    let plan = plan(&mesh::numbered(&mesh));
    assert_eq!(
        plan.gateways.values().map(|gateway| gateway.tunnels.len()).sum::<usize>(),
        300 * 299
    );
    assert_eq!(
        plan.gateways.values().map(|gateway| gateway.routes.len()).sum::<usize>(),
        300 * 299
    );
}
