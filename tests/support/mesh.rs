//! Meshes made by hand, for tests that are not about mesh.yaml.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use tieline::bundle::Bundle;
use tieline::compile::compile;
use tieline::model::{Endpoint, Gateway, Lan, Lock, Mesh, NumberedMesh, TunnelRange};
use tieline::primitives::{Fingerprint, GatewayNumber, Name};
use tieline::spec::SourceFile;

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn number(value: u16) -> GatewayNumber {
    GatewayNumber::new(value).unwrap()
}

/// An empty mesh.
pub fn empty() -> Mesh {
    Mesh {
        name: name("test"),
        tunnels: TunnelRange {
            network: "172.19.0.0/16".parse().unwrap(),
            first_port: 11000,
            last_port: 11999,
        },
        lans: BTreeMap::new(),
    }
}

/// A mesh of `count` LANs `lan-1` …, each with one /24 and one gateway `gw-1` … that can be
/// reached; its numbers are 1 ….
pub fn of(count: u16) -> Mesh {
    let mut mesh = empty();
    for n in 1..=count {
        add(&mut mesh, n);
    }
    mesh
}

/// Adds LAN `lan-n` with gateway `gw-n`.
pub fn add(mesh: &mut Mesh, n: u16) {
    let [high, low] = n.to_be_bytes();
    let gateway = Gateway {
        name: name(&format!("gw-{n}")),
        endpoint: Some(Endpoint::Address(Ipv4Addr::new(203, 0, high, low).into())),
        address: Ipv4Addr::new(10, high, low, 1),
        certificates: vec![Fingerprint::of_der(format!("certificate of gw-{n}").as_bytes())],
        public_keys: Vec::new(),
    };
    let lan = Lan {
        name: name(&format!("lan-{n}")),
        networks: vec![format!("10.{high}.{low}.0/24").parse().unwrap()],
        gateways: BTreeMap::from([(gateway.name.clone(), gateway)]),
    };
    mesh.lans.insert(lan.name.clone(), lan);
}

/// The gateway `gw-n`, to be changed.
pub fn gateway(mesh: &mut Mesh, n: u16) -> &mut Gateway {
    let lan = mesh.lans.get_mut(format!("lan-{n}").as_str()).unwrap();
    lan.gateways.get_mut(format!("gw-{n}").as_str()).unwrap()
}

/// Gives every gateway `gw-n` the number n.
pub fn numbered(mesh: &Mesh) -> NumberedMesh<'_> {
    let number_of = |name: &Name| name.as_str().strip_prefix("gw-").unwrap().parse().unwrap();
    let numbers =
        mesh.gateways().map(|(_, gateway)| (gateway.name.clone(), number_of(&gateway.name)));
    NumberedMesh { mesh, numbers: numbers.collect() }
}

/// The files below lans/, which is what examples include.
fn included_in(directory: &std::path::Path) -> Vec<String> {
    let Ok(entries) = directory.join("lans").read_dir() else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// A mesh that lies in a directory as mesh.yaml, with what it includes, and mesh.lock.
pub fn read(directory: &std::path::Path) -> (Mesh, Lock) {
    let read = |file: &str| std::fs::read_to_string(directory.join(file)).unwrap();
    let lans = included_in(directory);
    let lans = lans.iter().zip(0..).map(|(text, n)| (SourceFile::Included(n), text.as_str()));
    let parsed = tieline::spec::parse(&read("mesh.yaml")).with(lans);
    let resolved = tieline::model::resolve(parsed).expect("a mesh without errors");
    (resolved.mesh, Lock::parse(&read("mesh.lock")).expect("a mesh.lock"))
}

/// The bundles of a mesh that lies in a directory.
pub fn bundles_of(directory: &std::path::Path) -> BTreeMap<Name, Bundle> {
    let (mesh, lock) = read(directory);
    compile(&tieline::model::number(&mesh, &lock).expect("a number for every gateway"))
}
