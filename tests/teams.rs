//! A team that signs for its own gateway, on real gateways.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::json;
use support::forge::{Files, by, lasting};
use support::gateways::{Gateway, Site, TOOLS};
use support::mesh;
use support::sandbox;
use tieline::compile::compile;
use tieline::primitives::Name;
use tieline::tuf::Role;

/// The team's name, and how its file is called.
const TEAM: &str = "team/west";
const FILE: &str = "team%2Fwest";

/// A release of these bundles in which the team, which holds key 5, speaks of gw-1. `rest` is the
/// version of everything but the top-level targets and the root, which stay at 1.
fn release(bundles: &BTreeMap<Name, Vec<u8>>, rest: u64, signer: u8) -> Files {
    let mut forge = lasting().delegated_version(rest);
    for role in [Role::Snapshot, Role::Timestamp] {
        forge = forge.set(role, "/version", rest.into());
    }
    forge.bundles.clone_from(bundles);
    forge.speakers = [(mesh::name("gw-1"), TEAM.to_owned())].into();
    forge.targets_of(TEAM)["targets"] = json!({});
    forge.describe_bundles();
    // The team would like to speak of gw-2 as well.
    let stolen = forge.targets_of(TEAM)["targets"]["gw-1.tar.gz"].clone();
    forge.targets_of(TEAM)["targets"]["gw-2.tar.gz"] = stolen;
    let delegations = &mut forge.of(Role::Targets)["delegations"];
    delegations["roles"][0]["paths"] = json!(["gw-1.tar.gz"]);
    forge.delegated.get_mut(TEAM).unwrap().1 = by(&[signer]);
    forge.files()
}

fn offer(site: &Site, files: &Files) {
    fs::remove_dir_all(&site.repository.directory).unwrap();
    for (path, content) in files {
        let path = site.repository.directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    site.publish();
}

fn bundles(site: &Site) -> BTreeMap<Name, Vec<u8>> {
    let bundles = compile(&mesh::numbered(&site.mesh));
    bundles.into_iter().map(|(name, bundle)| (name, bundle.bytes)).collect()
}

fn status(gateway: &Gateway) -> serde_json::Value {
    let output = gateway.status_command().args(["--format", "json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_team_moves_its_own_gateway_and_no_other() {
    sandbox::enter("a_team_moves_its_own_gateway_and_no_other", TOOLS, || {
        let mut site = Site::new(2);
        let first = bundles(&site);
        let files = release(&first, 1, 5);
        for n in [1, 2] {
            let root = site.gateway(n).directory.join("root.json");
            fs::write(root, &files["metadata/1.root.json"]).unwrap();
        }
        offer(&site, &files);
        for n in [1, 2] {
            let said = site.gateway(n).converge();
            assert!(said.contains("release 1 applied"), "{said}");
        }
        assert!(site.gateway(1).reaches("10.0.1.1", "10.0.2.1", Duration::from_secs(30)));
        let seen = status(site.gateway(1));
        assert!(seen["metadata"]["expires"][FILE].is_string(), "{seen}");
        assert!(status(site.gateway(2))["metadata"]["expires"][FILE].is_null(), "it asked nobody");
        let generation = seen["generation"]["name"].as_str().unwrap().to_owned();

        // A new bundle for gw-1 alone; the number of the release stays.
        mesh::add(&mut site.mesh, 3);
        let mut second = first.clone();
        second.insert(mesh::name("gw-1"), bundles(&site)[&mesh::name("gw-1")].clone());
        let newer = release(&second, 2, 5);
        assert_eq!(newer["metadata/1.targets.json"], files["metadata/1.targets.json"]);
        offer(&site, &newer);
        let other = (site.gateway(2).state(), site.gateway(2).running());
        let said = site.gateway(1).converge();
        assert!(said.contains("release 1 applied: 1 tunnel added"), "{said}");
        assert_eq!(site.gateway(2).converge(), "", "nothing for gw-2");
        assert_eq!((site.gateway(2).state(), site.gateway(2).running()), other);
        let now = status(site.gateway(1))["generation"]["name"].as_str().unwrap().to_owned();
        assert_ne!(now, generation);
        assert!(now.starts_with("1-"), "{now}");

        // It does not go back, and takes nothing from a stranger; gw-2 is not concerned by either.
        for (offered, code, words) in
            [(&files, 21, "goes back"), (&release(&first, 3, 9), 20, "3.team%2Fwest.json")]
        {
            offer(&site, offered);
            let ended = site.gateway(1).reconcile();
            assert_eq!(ended.code, code, "{}", ended.stderr);
            assert!(ended.stderr.contains(words), "{}", ended.stderr);
        }
        assert_eq!(site.gateway(2).converge(), "", "gw-2 goes on");
        assert_eq!(status(site.gateway(1))["generation"]["name"], json!(now));
    });
}
