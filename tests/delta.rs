//! A change of the mesh changes what it must on each gateway, and not a byte more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::mesh::{self, gateway};
use tieline::bundle::{Bundle, Manifest, Unit, unpack};
use tieline::compile::compile;
use tieline::model::Mesh;
use tieline::plan::{GatewayDifference, PlanDifference, plan};
use tieline::primitives::{Device, Difference, Digest, Fingerprint, Name};

fn bundles(mesh: &Mesh) -> BTreeMap<Name, Bundle> {
    compile(&mesh::numbered(mesh))
}

/// The units of a gateway that a reconciler has to touch between two bundles, with `+` before new
/// ones and `-` before those that go.
fn changes(old: &Bundle, new: &Bundle) -> BTreeSet<String> {
    let inputs = |bundle: &Bundle| -> BTreeMap<String, Digest> {
        let (manifest, _) = unpack(&bundle.bytes).unwrap();
        let inputs = |unit: &Unit| (unit.name(), manifest.inputs(unit));
        manifest.units.iter().map(inputs).collect()
    };
    told(&Difference::between(&inputs(old), &inputs(new)))
}

fn told(difference: &Difference<String>) -> BTreeSet<String> {
    let gone = difference.removed.iter().map(|name| format!("-{name}"));
    let come = difference.added.iter().map(|name| format!("+{name}"));
    gone.chain(come).chain(difference.changed.iter().cloned()).collect()
}

/// What the difference of two plans says of one gateway, in the same words.
fn predicted(difference: &GatewayDifference) -> BTreeSet<String> {
    let GatewayDifference { tunnels, routes } = difference;
    let named =
        |devices: &BTreeSet<Device>| devices.iter().map(|d| format!("tunnel/{d}")).collect();
    let mut units = told(&Difference {
        added: named(&tunnels.added),
        changed: named(&tunnels.changed),
        removed: named(&tunnels.removed),
        unchanged: BTreeSet::new(),
    });
    units.extend((!routes.is_empty()).then(|| "routes".to_owned()));
    units
}

/// By gateway: what changes when `change` is made to a mesh of five LANs.
fn after(change: impl FnOnce(&mut Mesh)) -> BTreeMap<Name, BTreeSet<String>> {
    let mut mesh = mesh::of(5);
    let (old, before) = (bundles(&mesh), plan(&mesh::numbered(&mesh)));
    change(&mut mesh);
    let (new, after) = (bundles(&mesh), plan(&mesh::numbered(&mesh)));
    // Two plans predict exactly what differs between the bundles, and so what gateways will do.
    let difference = PlanDifference::between(&before, &after);
    for name in new.keys().filter(|name| old.contains_key(*name)) {
        let expected = difference.changed.get(name).map(predicted);
        let other = old[name].digest != new[name].digest;
        let found = other.then(|| changes(&old[name], &new[name]));
        assert_eq!(found, expected, "{name}");
    }
    let both = new.iter().filter_map(|(name, new)| Some((name, old.get(name)?, new)));
    both.filter(|(_, old, new)| old.digest != new.digest)
        .map(|(name, old, new)| (name.clone(), changes(old, new)))
        .collect()
}

fn set(units: &[&str]) -> BTreeSet<String> {
    units.iter().map(|unit| (*unit).to_owned()).collect()
}

#[test]
fn a_new_lan_adds_one_tunnel_everywhere() {
    let changed = after(|mesh| mesh::add(mesh, 6));
    assert_eq!(changed.len(), 5);
    for (gateway, units) in changed {
        assert_eq!(units, set(&["+tunnel/tl-6", "routes"]), "{gateway}");
    }
    // The files of the old tunnels stay as they are, byte for byte.
    let mut mesh = mesh::of(5);
    let old = bundles(&mesh);
    mesh::add(&mut mesh, 6);
    for (name, new) in bundles(&mesh) {
        let Some(old) = old.get(&name) else { continue };
        let (_, old) = unpack(&old.bytes).unwrap();
        let (_, new) = unpack(&new.bytes).unwrap();
        assert_eq!(new.len(), old.len() + 1);
        for (path, content) in old.iter() {
            assert_eq!(new.get(path), Some(content), "{path} of {name}");
        }
    }
}

#[test]
fn a_lan_that_goes_takes_one_tunnel_everywhere() {
    let changed = after(|mesh| drop(mesh.lans.remove("lan-3")));
    assert_eq!(changed.len(), 4);
    for (gateway, units) in changed {
        assert_eq!(units, set(&["-tunnel/tl-3", "routes"]), "{gateway}");
    }
}

#[test]
fn a_second_prefix_restarts_no_tunnel() {
    let changed = after(|mesh| {
        let lan = mesh.lans.get_mut("lan-2").unwrap();
        lan.networks.push("10.99.0.0/24".parse().unwrap());
    });
    // The LAN itself keeps its bundle: it has no route to its own prefixes.
    assert_eq!(changed.len(), 4);
    assert!(!changed.contains_key("gw-2"));
    for (gateway, units) in changed {
        assert_eq!(units, set(&["routes"]), "{gateway}");
    }
}

#[test]
fn a_new_endpoint_concerns_its_peers_only() {
    let changed = after(|mesh| {
        gateway(mesh, 2).endpoint = Some(tieline::model::Endpoint::Host("gw2.example.net".into()));
    });
    assert!(!changed.contains_key("gw-2"), "what calls others keeps its bundle");
    assert_eq!(changed.len(), 4);
    for (gateway, units) in changed {
        assert_eq!(units, set(&["tunnel/tl-2"]), "{gateway}");
    }
}

#[test]
fn a_rotation_of_a_certificate_touches_the_tunnels_of_one_gateway() {
    let changed = after(|mesh| {
        gateway(mesh, 2).certificates.push(Fingerprint::of_der(b"the next certificate"));
    });
    assert_eq!(changed.len(), 5);
    // Its own bundle only says that it may have another certificate.
    assert_eq!(changed["gw-2"], set(&[]));
    for other in ["gw-1", "gw-3", "gw-4", "gw-5"] {
        assert_eq!(changed[other], set(&["tunnel/tl-2"]));
    }
}

#[test]
fn a_gateway_that_moves_inside_its_lan_changes_its_own_routes() {
    let changed = after(|mesh| gateway(mesh, 2).address = "10.0.2.254".parse().unwrap());
    assert_eq!(changed, BTreeMap::from([(mesh::name("gw-2"), set(&["routes"]))]));
}

#[test]
fn what_no_gateway_sees_changes_nothing() {
    let renamed = after(|mesh| {
        let mut lan = mesh.lans.remove("lan-2").unwrap();
        lan.name = mesh::name("headquarters");
        mesh.lans.insert(lan.name.clone(), lan);
    });
    assert_eq!(renamed, BTreeMap::new(), "the name of a LAN");
    let ports = after(|mesh| mesh.tunnels.last_port += 1000);
    assert_eq!(ports, BTreeMap::new(), "room for more gateways");
    let network = after(|mesh| mesh.tunnels.network = "172.20.0.0/16".parse().unwrap());
    assert_eq!(network.len(), 5, "another network gives other addresses");
}

#[test]
fn inputs_see_the_content_of_the_file() {
    let (manifest, _) = unpack(&bundles(&mesh::of(2))["gw-1"].bytes).unwrap();
    let tunnel = &manifest.units[2];
    let path = tunnel.file().unwrap();
    let mut other: Manifest = manifest.clone();
    other.files.get_mut(path).unwrap().sha256 = Digest::of(b"another configuration");
    assert_ne!(manifest.inputs(tunnel), other.inputs(tunnel));
    assert_eq!(manifest.inputs(&manifest.units[0]), other.inputs(&other.units[0]));
}
