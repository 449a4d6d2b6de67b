//! `tieline verify`: what is sound is said to be, and everything that is not is found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;

use support::cli::{Desk, tree};
use support::git_servers::Certificates;
use support::web_servers::WebServer;
use tieline::primitives::Digest;

const MESH: &str = "\
mesh: acme
tunnels:
  network: 172.19.0.0/16
  ports: 11000-11999
lans:
  perth:
    networks: [192.168.10.0/24]
    gateways:
      perth: { endpoint: vpn.perth.example.net, address: 192.168.10.1, certificates: [CERT1] }
  lyon:
    networks: [192.168.20.0/24]
    gateways:
      lyon: { endpoint: vpn.lyon.example.net, address: 192.168.20.1, certificates: [CERT2] }
topology: full-mesh
routing: static
";

fn mesh(network: &str) -> String {
    let certificate = |n: u8| format!("\"SHA256:{}\"", vec![format!("{n:02X}"); 32].join(":"));
    MESH.replace("CERT1", &certificate(1))
        .replace("CERT2", &certificate(2))
        .replace("192.168.20.0/24", network)
}

fn git(desk: &Desk, arguments: &str) -> String {
    let settings = "-c user.name=a -c user.email=a@example.net -c init.defaultBranch=main";
    desk.tool("git", &format!("{settings} {arguments}"))
}

/// A mesh in git, built, signed by `ci`, with a root held by `anna`.
fn released() -> Desk {
    released_at("")
}

/// The same, signed at another time.
fn released_at(when: &str) -> Desk {
    let desk = Desk::new();
    git(&desk, "init -q .");
    desk.write("mesh.yaml", mesh("192.168.20.0/24"));
    desk.ok("lock");
    git(&desk, "add mesh.yaml mesh.lock");
    git(&desk, "commit -qm mesh");
    desk.ok("key generate anna.pem");
    desk.ok("key generate ci.pem");
    desk.ok(&format!("root init --yes --mesh acme --key anna.pem --release-key ci.pem.pub {when}"));
    desk.ok("build");
    desk.ok(&format!("sign --yes --key ci.pem {when}"));
    desk
}

fn json(desk: &Desk, arguments: &str) -> serde_json::Value {
    let ended = desk.run(&format!("verify --format json {arguments}"));
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}", ended.err))
}

/// The path of a gateway's bundle in the repository.
fn bundle(desk: &Desk, gateway: &str) -> String {
    let names = fs::read_dir(desk.path("repository/targets")).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let name = names.find(|name| name.ends_with(&format!(".{gateway}.tar.gz"))).unwrap();
    format!("repository/targets/{name}")
}

#[test]
fn a_sound_repository() {
    let desk = released();
    let ended = desk.run("verify --rebuild");
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for said in [
        "root 1 ",
        "signed by anna (",
        "targets 1 ",
        "2 of 2 bundles the same",
        "sound: release 1 of mesh acme",
    ] {
        assert!(ended.out.contains(said), "{said}: {}", ended.out);
    }
    let digest = Digest::of(&desk.read("repository/metadata/1.root.json")).to_string();
    assert!(ended.err.is_empty(), "{}", ended.err);

    let ended = desk.run("verify --root repository/metadata/1.root.json");
    assert!(ended.code == 0 && ended.err.is_empty(), "{}", ended.err);
    let report = json(&desk, "--rebuild");
    assert_eq!(report["sound"], true);
    assert_eq!(report["bundles"][0]["reproduced"], true);
    assert_eq!(report["root_given"], true);
    // Without a root of ours it is taken on trust, and that is said.
    fs::remove_file(desk.path("root/1.root.json")).unwrap();
    let ended = desk.run("verify");
    assert!(ended.err.contains(&digest) && ended.err.contains("on trust"), "{}", ended.err);
    assert_eq!(json(&desk, "")["root_given"], false);
    assert_eq!(report["metadata"].as_array().unwrap().len(), 4);
}

#[test]
fn over_a_mirror() {
    let desk = released();
    let server = WebServer::start(&desk.path("repository"), &Certificates::new());
    let mirror =
        format!("verify --mirror {} --ca {}", server.url("mesh/"), server.path("ca.pem").display());
    let ended = desk.run(&format!("{mirror} --root repository/metadata/1.root.json"));
    assert!(ended.code == 0 && ended.err.is_empty(), "{}", ended.err);
    assert!(ended.out.contains("sound: release 1 of mesh acme"), "{}", ended.out);
    assert_eq!(server.asked().len(), 7, "two roots, three roles and two bundles");
    desk.ok(&mirror.replace("/mesh/", "/s3/"));
    fs::write(desk.path(&bundle(&desk, "lyon")), "changed").unwrap();
    let ended = desk.run(&mirror);
    assert_eq!(ended.code, 23, "{}", ended.err);
    assert!(ended.err.contains("the bundle of lyon"), "{}", ended.err);
    let elsewhere = desk.run(&format!("verify --mirror {}", server.url("broken/")));
    assert_eq!(elsewhere.code, 10, "{}", elsewhere.err);
}

#[test]
fn over_git() {
    let desk = released();
    git(&desk, "init -q --bare remote.git");
    let remote = desk.path("remote.git");
    desk.ok(&format!("publish {}", remote.display()));
    let ended =
        desk.run(&format!("verify {} --root repository/metadata/1.root.json", remote.display()));
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("sound: release 1"), "{}", ended.out);
    desk.refused(&format!("verify {}", desk.path("nothing.git").display()), 10, "nothing.git");
}

#[test]
fn damage_is_found() {
    let desk = released();
    let path = bundle(&desk, "lyon");
    let good = desk.read(&path);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    desk.write(&path, &bad);
    desk.refused("verify", 23, "the bundle of lyon");
    assert_eq!(json(&desk, "")["sound"], false);
    fs::remove_file(desk.path(&path)).unwrap();
    desk.refused("verify", 23, "is missing");
    desk.write(&path, &good);
    assert_eq!(desk.run("verify").code, 0);

    let timestamp = desk.read("repository/metadata/timestamp.json");
    let text = String::from_utf8(timestamp).unwrap().replace("\"version\": 1", "\"version\": 2");
    desk.write("repository/metadata/timestamp.json", text);
    desk.refused("verify", 20, "timestamp.json");
}

#[test]
fn another_root_is_not_followed() {
    let desk = released();
    let other = released();
    let root = other.path("repository/metadata/1.root.json");
    desk.refused(&format!("verify --root {}", root.display()), 20, "is another root than");
}

#[test]
fn what_has_expired_is_said() {
    let desk = released_at("--signed-at 2025-01-01T00:00:00Z");
    desk.refused("verify", 11, "the timestamp metadata expired at 2025-01-31T00:00:00Z");
}

#[test]
fn bundles_that_are_not_of_their_commit() {
    let desk = released();
    let commit = git(&desk, "rev-parse HEAD").trim().to_owned();
    // Whoever has the release key signs what the commit does not say.
    desk.write("mesh.yaml", mesh("192.168.20.0/25"));
    desk.ok(&format!("build --source-commit {commit}"));
    desk.ok("sign --yes --key ci.pem");
    assert_eq!(desk.run("verify").code, 0, "the signatures are in order");
    desk.refused("verify --rebuild", 23, "the bundle of perth: its commit gives other bytes");
    let report = json(&desk, "--rebuild");
    assert_eq!(report["bundles"][1]["reproduced"], false);
    assert_eq!(report["sound"], false);
}

/// Nobody can see what such a release was made of.
#[test]
fn what_is_not_committed_is_not_signed_by_accident() {
    let desk = released();
    desk.write("mesh.yaml", mesh("192.168.20.0/25"));
    desk.ok("build");
    let before = tree(&desk.path("repository"));
    desk.refused("sign --yes --key ci.pem", 1, "the build is of no commit");
    desk.refused("sign --yes --key ci.pem", 1, "--uncommitted");
    assert_eq!(tree(&desk.path("repository")), before);
    // Whoever is asked is told.
    let ended = desk.at_terminal("sign --key ci.pem", &["n\n"]);
    assert!(ended.out.contains("the build is of no commit"), "{}{}", ended.out, ended.err);
    git(&desk, "commit -qam smaller");
    desk.ok("build");
    desk.ok("sign --yes --key ci.pem");
    // Outside git there is nothing to say.
    fs::remove_dir_all(desk.path(".git")).unwrap();
    desk.ok("build");
    desk.ok("sign --yes --key ci.pem");
}

#[test]
fn commits_that_are_not_here() {
    let desk = released();
    desk.ok("build --source-commit 0123456789abcdef0123456789abcdef01234567");
    desk.ok("sign --yes --key ci.pem --back");
    desk.refused("verify --rebuild", 1, "does not have commit 0123456789abcdef");
    desk.ok("build --source-commit none");
    desk.ok("sign --yes --key ci.pem --uncommitted");
    desk.refused("verify --rebuild", 1, "does not say which commit");
}
