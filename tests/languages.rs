//! What a mesh.yaml may say can be said to the daemons, and a gateway reads it back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use support::mesh;
use tieline::lang::{nftables, openvpn};
use tieline::model::{Endpoint, Lock, number, resolve};
use tieline::plan::{Plan, plan};
use tieline::primitives::ArtifactSet;
use tieline::render::{nftables_path, openvpn_path, render};
use tieline::spec::parse;

/// Every file of every gateway is read, and would be written so again.
fn reads_back(plan: &Plan) -> usize {
    let mut count = 0;
    for gateway in plan.views() {
        let files: ArtifactSet = render(&gateway);
        let text = files.get(&nftables_path()).unwrap();
        assert_eq!(nftables::read(text).unwrap().write().as_bytes(), text);
        for tunnel in &gateway.tunnels {
            let text = files.get(&openvpn_path(tunnel.device)).unwrap();
            let config = openvpn::read(text).unwrap();
            let (mesh, name, peer) = (&gateway.mesh, &gateway.name, &tunnel.peer);
            let title = openvpn::Title { mesh, gateway: name, peer };
            assert_eq!(config.write(&title).as_bytes(), text);
            assert_eq!(
                (config.device, config.local, config.remote, config.mtu),
                (tunnel.device, tunnel.local, tunnel.remote, tunnel.mtu)
            );
            count += 1;
        }
    }
    count
}

#[test]
fn every_example_is_read_back() {
    let mut count = 0;
    for entry in Path::new("examples").read_dir().unwrap() {
        let directory = entry.unwrap().path();
        if directory.join("mesh.yaml").exists() {
            let (mesh, lock) = mesh::read(&directory);
            count += reads_back(&plan(&number(&mesh, &lock).unwrap()));
        }
    }
    assert!(count > 20, "{count} files");
}

#[test]
fn gateways_behind_nat_and_certificates_that_change() {
    let mut mesh = mesh::of(4);
    mesh::gateway(&mut mesh, 3).endpoint = None;
    let next = tieline::primitives::Fingerprint::of_der(b"next");
    mesh::gateway(&mut mesh, 2).certificates.push(next);
    let plan = plan(&mesh::numbered(&mesh));
    assert_eq!(reads_back(&plan), 12);
    let config = |gateway: &str, peer: usize| {
        let plan = &plan.view(plan.gateway(gateway).unwrap()).unwrap();
        let tunnel =
            plan.tunnels.iter().find(|tunnel| tunnel.peer.as_str() == format!("gw-{peer}"));
        let device = tunnel.unwrap().device;
        openvpn::read(render(plan).get(&openvpn_path(device)).unwrap()).unwrap()
    };
    assert_eq!(config("gw-1", 2).peer.next, Some(next));
    assert_eq!(config("gw-2", 1).peer.next, None);
    assert_eq!(config("gw-1", 3).connect, None);
    assert_eq!(config("gw-3", 1).role, openvpn::Role::Client);
    assert_eq!(config("gw-3", 1).connect.unwrap().host.to_string(), "203.0.0.1");
}

/// A mesh.yaml of two LANs, with this endpoint, goes through the compiler if it is accepted at all;
/// then the other gateway's file names the host that the model has. Says whether it was.
fn goes_through(endpoint: &str) -> bool {
    let quoted = serde_json::to_string(endpoint).unwrap();
    let example = fs::read_to_string("examples/two-offices/mesh.yaml").unwrap();
    let text = example.replace("endpoint: bern.example.net", &format!("endpoint: {quoted}"));
    assert_ne!(text, example);
    let Ok(resolved) = resolve(parse(&text)) else { return false };
    let lock = Lock::default().update(&resolved.mesh).unwrap().lock;
    let plan = plan(&number(&resolved.mesh, &lock).unwrap());
    assert_eq!(reads_back(&plan), 2, "{endpoint:?}");
    let gateway = &plan.view(plan.gateway("basel-gw").unwrap()).unwrap();
    let text = render(gateway);
    let config =
        openvpn::read(text.get(&openvpn_path(gateway.tunnels[0].device)).unwrap()).unwrap();
    let bern = resolved.mesh.gateways().find(|(_, gateway)| gateway.name.as_str() == "bern-gw");
    let wanted = bern.unwrap().1.endpoint.as_ref().map(Endpoint::to_string);
    assert_eq!(config.connect.map(|connect| connect.host.to_string()), wanted, "{endpoint:?}");
    true
}

#[test]
fn what_mesh_yaml_takes_for_an_endpoint_openvpn_is_told() {
    let label = "x".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "x".repeat(55));
    for good in [
        "203.0.113.10",
        "1.0.0.1",
        "none",
        "VPN.Example.NET.",
        "a",
        "3com.example",
        "10.0.0.a",
        "0x7f.a0",
        "xn--zrich-kva.example",
        "a--b.c--d",
        &longest,
        &format!("{longest}."),
    ] {
        assert!(goes_through(good), "{good:?}");
    }
    for bad in [
        &format!("x{longest}"),
        "a b",
        "a\tb",
        "a\nup /bin/sh",
        "-a",
        "a\\",
        "\"a\"",
        "10.0.0.300",
        "010.0.0.1",
        "2001:db8::1",
    ] {
        assert!(!goes_through(bad), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_taken_for_an_endpoint_can_be_written(endpoint in prop_oneof![
        "[a-zA-Z0-9.-]{0,20}",
        "[a-z0-9]{1,3}(\\.[a-z0-9-]{1,63}){0,5}\\.?",
        "([0-9]{1,3}\\.){3}[0-9]{1,3}",
        "\\PC{0,10}",
        ".{0,10}",
    ]) {
        goes_through(&endpoint);
    }
}
