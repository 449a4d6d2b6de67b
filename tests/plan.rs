//! The choices of a plan fit together at both ends of every tunnel, whatever the mesh.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use support::mesh;
use tieline::model::{Mesh, NumberedMesh};
use tieline::plan::{GatewayPlan, GatewayTunnel, Plan, PlanDifference, Reason, TlsRole, plan};
use tieline::primitives::{GatewayNumber, Name};

type Views = BTreeMap<Name, GatewayPlan>;

/// The plan of every gateway.
fn views(plan: &Plan) -> Views {
    plan.views().map(|view| (view.name.clone(), view)).collect()
}

/// Two ends of one tunnel.
fn ends(views: &Views) -> Vec<(&GatewayPlan, &GatewayTunnel, &GatewayPlan, &GatewayTunnel)> {
    let mut ends = Vec::new();
    for near in views.values() {
        for tunnel in &near.tunnels {
            let far = &views[&tunnel.peer];
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
        let plan = views(&plan(&NumberedMesh { mesh: &mesh, numbers }));
        prop_assert_eq!(plan.len(), mesh.gateways().count());
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
        let plan = views(&plan(&NumberedMesh { mesh: &mesh, numbers }));
        let addresses: BTreeSet<_> = plan.values().map(|g| g.mesh_address).collect();
        prop_assert_eq!(addresses.len(), plan.len());
        for gateway in plan.values() {
            let ports: BTreeSet<_> = gateway.tunnels.iter().map(|t| t.local_port).collect();
            prop_assert_eq!(ports.len(), gateway.tunnels.len());
            let pairs: BTreeSet<_> = gateway.tunnels.iter().map(|t| (t.local, t.remote)).collect();
            prop_assert_eq!(pairs.len(), gateway.tunnels.len());
            prop_assert!(gateway.tunnels.is_sorted_by_key(|tunnel| tunnel.device));
            prop_assert!(gateway.routes.is_sorted_by_key(|route| route.to));
            let wanted: BTreeSet<_> = mesh.lans.values().filter(|lan| lan.name != gateway.lan)
                .flat_map(|lan| &lan.networks).copied().collect();
            let routed: BTreeSet<_> = gateway.routes.iter().map(|route| route.to).collect();
            prop_assert_eq!(routed, wanted);
            for route in &gateway.routes {
                let tunnel = gateway.tunnels.iter().find(|t| t.device == route.device).unwrap();
                let far = &mesh.lans[&plan[&tunnel.peer].lan];
                prop_assert!(far.networks.contains(&route.to));
                let own = &mesh.lans[&gateway.lan].gateways[&gateway.name];
                prop_assert_eq!(route.source, own.address);
            }
        }
    }

    /// Whatever else goes, what is left keeps its numbers, addresses, devices and ports.
    #[test]
    fn removing_a_gateway_renumbers_nothing(
        (mesh, numbers) in meshes(), index in any::<prop::sample::Index>(),
    ) {
        let before = plan(&NumberedMesh { mesh: &mesh, numbers: numbers.clone() });
        let mut smaller = mesh.clone();
        let lans: Vec<Name> = mesh.lans.keys().cloned().collect();
        if lans.is_empty() {
            return Ok(());
        }
        let gone = smaller.lans.remove(&lans[index.index(lans.len())]).unwrap();
        let mut fewer = numbers;
        fewer.retain(|name, _| !gone.gateways.contains_key(name));
        let after = plan(&NumberedMesh { mesh: &smaller, numbers: fewer });
        let old = views(&before);
        for (name, view) in views(&after) {
            prop_assert_eq!(view.mesh_address, old[&name].mesh_address);
            let kept: Vec<_> = old[&name]
                .tunnels
                .iter()
                .filter(|tunnel| !gone.gateways.contains_key(&tunnel.peer))
                .cloned()
                .collect();
            prop_assert_eq!(view.tunnels, kept);
        }
        let difference = PlanDifference::between(&before, &after);
        prop_assert!(difference.gateways.added.is_empty());
        let names: BTreeSet<Name> = gone.gateways.keys().cloned().collect();
        prop_assert_eq!(&difference.gateways.removed, &names);
        for changed in difference.changed.values() {
            prop_assert!(changed.tunnels.changed.is_empty() && changed.routes.changed.is_empty());
        }
    }
}

#[test]
fn what_a_number_means() {
    let mesh = mesh::of(3);
    let plan = views(&plan(&mesh::numbered(&mesh)));
    let gateway = &plan["gw-2"];
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
    let graph = plan(&mesh::numbered(&mesh));
    let plan = views(&graph);
    let peers = |name: &str| -> Vec<String> {
        plan[name].tunnels.iter().map(|tunnel| tunnel.peer.to_string()).collect()
    };
    assert_eq!(peers("gw-1"), ["gw-3"]);
    assert_eq!(peers("gw-2"), ["gw-3"]);
    assert_eq!(peers("gw-3"), ["gw-1", "gw-2"]);
    // One route to the LAN of two, through its first gateway.
    let routes = &plan["gw-3"].routes;
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].device.to_string(), "tl-1");
    // The graph knows whose prefix it is, and why this way.
    let hops = &graph.gateways[2].next_hops;
    assert_eq!((hops.len(), hops[0].reason, hops[0].metric), (1, Reason::Direct, 0));
    assert_eq!(graph.lans.len(), 2);
}

#[test]
fn a_large_mesh_is_planned_whole() {
    let mesh = mesh::of(300);
    let plan = plan(&mesh::numbered(&mesh));
    assert_eq!(plan.tunnels.len(), 300 * 299 / 2);
    let of = |gateway: &tieline::plan::Gateway| (gateway.tunnels.len(), gateway.next_hops.len());
    assert!(plan.gateways.iter().all(|gateway| of(gateway) == (299, 299)));
}
