//! A release whose bundles only a later version of Tieline can read: a gateway says so before it
//! downloads one, and keeps what it has; nobody signs one by mistake.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use support::cli::Desk;
use support::forge::{Files, Forge};
use support::gateways::{Site, TOOLS};
use support::git_servers::Certificates;
use support::web_servers::WebServer;
use support::{mesh, office, sandbox};
use tieline::compile::compile;
use tieline::tuf::Role;

fn write(directory: &Path, files: &Files) {
    for (path, content) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// A release with the bundle that `gw-1` of this mesh is to have.
fn release(site: &Site) -> Forge {
    let bundle = compile(&mesh::numbered(&site.mesh))["gw-1"].bytes.clone();
    let mut forge = Forge::new();
    forge.bundles = [("gw-1".parse().unwrap(), bundle)].into();
    forge.describe_bundles();
    forge
}

#[test]
fn a_gateway_says_upgrade_and_downloads_nothing() {
    let tools = [TOOLS, &["nginx"]].concat();
    sandbox::enter("a_gateway_says_upgrade_and_downloads_nothing", &tools, || {
        let mut site = Site::new(2);
        let directory = tempfile::tempdir().unwrap();
        let first = release(&site);
        let files = first.files();
        let root = files["metadata/1.root.json"].clone();
        write(directory.path(), &files);
        let gateway = site.gateway(1);
        fs::write(gateway.directory.join("root.json"), root).unwrap();
        let command = gateway.command("/usr/sbin/nginx");
        let server = WebServer::start_in(command, directory.path(), &Certificates::new());
        let ca = server.path("ca.pem").display().to_string();
        gateway.configure(&[format!("{{ mirror: \"{}\", ca: {ca} }}", server.url("mesh"))], "");
        assert!(gateway.converge().starts_with("gw-1: release 1 applied"));
        let (running, state) = (gateway.running(), gateway.state());
        server.asked();

        mesh::add(&mut site.mesh, 3);
        let next = release(&site).next();
        let next = next.set(Role::Targets, "/targets/gw-1.tar.gz/custom/format", json!(2));
        write(directory.path(), &next.files());
        let gateway = site.gateway(1);
        let ended = gateway.reconcile();
        assert_eq!(ended.code, 23, "{}", ended.stderr);
        let expected = format!(
            "error: gw-1: release 2 needs format 2 of bundles, and this version of Tieline ({}) \
             reads up to 1\nhelp: nothing was changed and what runs stays; upgrade Tieline on this \
             gateway\n",
            env!("CARGO_PKG_VERSION"),
        );
        assert_eq!(ended.stderr, expected);
        let asked = server.asked();
        assert!(!asked.iter().any(|line| line.contains("/targets/")), "{asked:#?}");
        assert!(asked.iter().any(|line| line.contains("2.targets.json")), "{asked:#?}");
        assert_eq!((gateway.running(), gateway.state()), (running, state), "nothing was changed");
    });
}

/// Rewrites the manifest of a bundle as a later version would, and lists the result in build.json.
fn of_the_future(desk: &Desk) {
    let path = desk.path("build/gw-1.tar.gz");
    let (mut manifest, files) = tieline::bundle::unpack(&fs::read(&path).unwrap()).unwrap();
    manifest.format = 2;
    let bundle = tieline::bundle::pack(&manifest, &files);
    fs::write(path, &bundle.bytes).unwrap();
    let mut build: serde_json::Value =
        serde_json::from_slice(&fs::read(desk.path("build/build.json")).unwrap()).unwrap();
    build["gateways"]["gw-1"] = json!({ "length": bundle.bytes.len(), "sha256": bundle.digest });
    desk.write("build/build.json", build.to_string());
}

#[test]
fn nobody_signs_what_this_version_cannot_read() {
    let desk = Desk::new();
    desk.ok("key generate root.pem");
    desk.ok("key generate release.pem");
    desk.ok("root init --yes --mesh test --key root.pem --release-key release.pem.pub");
    office::build(&desk, &mesh::of(2));
    of_the_future(&desk);
    desk.refused("sign --yes --key release.pem", 23, "reads format 1");
    desk.refused("sign --yes --key release.pem", 23, "help: sign with a newer Tieline");
}
