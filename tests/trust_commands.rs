//! `tieline key`, `root init` and `sign`, as people and CI run them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use support::builds::build;
use support::cli::{Desk, tree};
use support::forge::{NOW, bundle, provisioned, update};
use tieline::primitives::Digest;

/// In the year in which these tests take place.
const SIGNED: &str = "--signed-at 2030-01-01T00:00:00Z";

/// A desk with keys `root` and `ci`, and a repository for mesh `test` that both hold.
fn begun() -> Desk {
    let desk = Desk::new();
    desk.ok("key generate root.pem");
    desk.ok("key generate ci.pem");
    desk.ok(&format!(
        "root init --yes --mesh test --key root.pem --release-key ci.pem.pub {SIGNED}"
    ));
    build(&desk, &[("perth", 1), ("sydney", 1)]);
    desk
}

fn mode(desk: &Desk, file: &str) -> u32 {
    std::fs::metadata(desk.path(file)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_release_from_nothing() {
    let desk = begun();
    let said = desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    assert!(said.contains("release 1 of mesh test"), "{said}");
    assert!(said.contains("added     perth, sydney"), "{said}");
    build(&desk, &[("perth", 1), ("sydney", 2)]);
    let said = desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    assert!(said.contains("release 2") && said.contains("changed   sydney"), "{said}");
    assert!(said.contains("unchanged perth"), "{said}");

    let files = tree(&desk.path("repository"));
    assert_eq!(files["metadata/root.json"], files["metadata/1.root.json"]);
    let release = update(&provisioned(&files), &files, NOW).release.unwrap();
    assert_eq!(release.number(), 2);
    for (gateway, n) in [("perth", 1), ("sydney", 2)] {
        let target = release.target(&gateway.parse().unwrap()).unwrap();
        let bytes = files[&target.request().path].clone();
        assert_eq!(bytes, bundle(gateway, "test", n));
        target.accept(bytes).unwrap().unpack().unwrap();
    }
    assert_eq!(mode(&desk, "repository/metadata/timestamp.json"), 0o644);
}

/// Found at once, and not when the first release is signed.
#[test]
fn a_root_is_for_the_mesh_that_is_described_beside_it() {
    let desk = Desk::new();
    desk.ok("key generate root.pem");
    let init = "root init --yes --mesh test --key root.pem --release-key root.pem.pub";
    desk.write("mesh.yaml", "mesh: acme\n");
    desk.refused(init, 1, "mesh.yaml is of mesh acme, and this root would be of mesh test");
    assert!(!desk.path("repository").exists());
    // What is no mesh says nothing.
    for text in ["", "mesh: [acme]\n", "mesh: {", "mesh: test\n"] {
        desk.write("mesh.yaml", text);
        desk.ok(init);
        for written in ["repository", "root"] {
            std::fs::remove_dir_all(desk.path(written)).unwrap();
        }
    }
}

#[test]
fn programs_read_json() {
    let desk = begun();
    let json = |arguments: &str, schema: &str| {
        let ended = desk.run(&format!("--format json {arguments}"));
        assert_eq!(ended.code, 0, "{}", ended.err);
        let value: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        let schema = std::fs::read(format!("{}/schema/{schema}", env!("CARGO_MANIFEST_DIR")));
        let schema = serde_json::from_slice(&schema.unwrap()).unwrap();
        assert!(jsonschema::is_valid(&schema, &value), "{value}");
        value
    };
    let keys = json("key show ci.pem root.pem.pub", "keys.schema.json");
    assert_eq!(keys["keys"][1]["source"], "root.pem.pub");
    let release = json(&format!("sign --yes --key ci.pem {SIGNED}"), "release.schema.json");
    assert_eq!(release["release"], 1);
    assert_eq!(release["added"], serde_json::json!(["perth", "sydney"]));
    assert_eq!(release["fresh_until"], "2030-01-31T00:00:00Z");
}

/// The secret as a CI system hands it out.
#[test]
fn the_key_may_be_in_the_environment() {
    let desk = begun();
    let pem = String::from_utf8(desk.read("ci.pem")).unwrap();
    let sign = format!("sign --yes --key env:RELEASE_KEY {SIGNED}");
    let ended = desk.run_with(&sign, &[("RELEASE_KEY", &pem)]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let secret = pem.lines().nth(1).unwrap();
    assert!(!ended.err.contains(secret) && !ended.out.contains(secret));
    desk.refused(&sign, 1, "environment variable RELEASE_KEY");
    let ended = desk.run_with(&sign, &[("RELEASE_KEY", "nonsense")]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("not an ed25519 private key"), "{}", ended.err);
    assert!(!ended.err.contains("nonsense"), "what should be a secret is not repeated");
}

#[test]
fn private_keys_are_private_and_never_overwritten() {
    let desk = Desk::new();
    desk.ok("key generate ci.pem");
    assert_eq!((mode(&desk, "ci.pem"), mode(&desk, "ci.pem.pub")), (0o600, 0o644));
    let before = tree(&desk.path(""));
    desk.refused("key generate ci.pem", 1, "exists already");
    assert_eq!(tree(&desk.path("")), before);
    // Either half in the way is enough, and nothing is left of the other.
    desk.write("one", "mine");
    desk.refused("key generate one", 1, "one exists already");
    desk.write("two.pub", "mine");
    desk.refused("key generate two", 1, "two.pub exists already");
    assert!(!desk.path("one.pub").exists() && !desk.path("two").exists());
    // A link is not followed.
    std::os::unix::fs::symlink(desk.path("elsewhere"), desk.path("three")).unwrap();
    desk.refused("key generate three", 1, "three exists already");
    assert!(!desk.path("elsewhere").exists());
    desk.refused("key generate missing/key", 1, "its directory does not exist");
    desk.refused("key generate env:KEY", 64, "env:KEY");
}

#[test]
fn key_show_says_the_same_of_both_halves() {
    let desk = Desk::new();
    let said = desk.ok("key generate ci.pem");
    let shown = desk.run("key show ci.pem ci.pem.pub").out;
    let lines: Vec<_> = shown.lines().collect();
    let id = lines[0].split_whitespace().next().unwrap();
    assert!(said.contains(id), "{said}");
    assert_eq!(lines[0].replace("ci.pem", "ci.pem.pub"), lines[7]);
    assert_eq!(lines[1..6], lines[8..]);
    assert_eq!(lines[2..5].join("\n"), String::from_utf8(desk.read("ci.pem.pub")).unwrap().trim());
    let private = String::from_utf8(desk.read("ci.pem")).unwrap();
    assert!(!shown.contains(private.lines().nth(1).unwrap()));
}

/// OpenSSL reads our keys, we read OpenSSL's, and it agrees on our signatures.
#[test]
fn openssl_agrees() {
    let desk = begun();
    let text = desk.tool("openssl", "pkey -in ci.pem -noout -text");
    assert!(text.starts_with("ED25519 Private-Key"), "{text}");
    let public = desk.tool("openssl", "pkey -in ci.pem -pubout");
    assert_eq!(public.as_bytes(), desk.read("ci.pem.pub"));

    desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    let file: serde_json::Value =
        serde_json::from_slice(&desk.read("repository/metadata/timestamp.json")).unwrap();
    // Compact with sorted keys: for plain ASCII that is the canonical form.
    desk.write("message", serde_json::to_vec(&file["signed"]).unwrap());
    let hex = file["signatures"][0]["sig"].as_str().unwrap();
    let signature: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|n| u8::from_str_radix(&hex[n..n + 2], 16).unwrap())
        .collect();
    desk.write("signature", signature);
    let verify = "pkeyutl -verify -rawin -pubin -inkey ci.pem.pub -sigfile signature -in message";
    assert!(desk.tool("openssl", verify).contains("Verified Successfully"));

    desk.tool("openssl", "genpkey -algorithm ed25519 -out theirs.pem");
    desk.tool("openssl", "pkey -in theirs.pem -pubout -out theirs.pub");
    let shown = desk.run("key show theirs.pem theirs.pub");
    assert_eq!(shown.code, 0, "{}", shown.err);
    let other = desk.path("other");
    let other = other.to_str().unwrap();
    desk.ok(&format!(
        "root init --yes --mesh test --key theirs.pem --release-key theirs.pub --repository {other} \
         --proposal {other}-root"
    ));
    // A key of another kind is refused in words.
    desk.tool("openssl", "genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    desk.refused("sign --yes --key ec.pem", 1, "ec.pem is not an ed25519 private key");
}

#[test]
fn a_public_key_cannot_sign() {
    let desk = begun();
    desk.refused(
        "sign --yes --key ci.pem.pub",
        1,
        "it is a public key; signing needs the private one",
    );
}

#[test]
fn refusals_have_their_exit_codes_and_change_nothing() {
    let desk = begun();
    desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    let refused = |arguments: &str, code: i32, says: &str| {
        desk.refused(&format!("{arguments} {SIGNED}"), code, says);
    };
    let before = tree(&desk.path("repository"));
    desk.ok("key generate stranger.pem");
    refused("sign --yes --key stranger.pem", 20, "the targets role needs 1 of its keys");
    refused("sign --yes --key ci.pem --expires 2020-01-01T00:00:00Z", 1, "leave less than a day");
    refused("sign --yes --key ci.pem --expires soon", 64, "a number of days such as 30d");
    refused("sign --yes --key ci.pem --build nowhere", 1, "tieline build");
    refused("sign --yes --key ci.pem --repository nowhere", 20, "has no metadata/1.root.json");
    desk.refused("sign", 64, "--key");
    desk.refused(
        "root init --yes --mesh test --key root.pem --release-key ci.pem.pub",
        1,
        "exists already",
    );

    // A bundle that was changed after it was built.
    let bytes = desk.read("build/perth.tar.gz");
    let mut bent = bytes.clone();
    bent[50] ^= 4;
    desk.write("build/perth.tar.gz", &bent);
    refused("sign --yes --key ci.pem", 23, "gateway perth is not the one that build.json lists");
    desk.write("build/perth.tar.gz", &bytes);

    // A repository that somebody wrote into.
    for (file, code) in [("timestamp.json", 20), ("1.targets.json", 20), ("1.root.json", 20)] {
        let path = format!("repository/metadata/{file}");
        let bytes = desk.read(&path);
        desk.write(&path, String::from_utf8(bytes.clone()).unwrap().replace("2030-", "2029-"));
        refused("sign --yes --key ci.pem", code, file.trim_start_matches("1."));
        desk.write(&path, bytes);
    }
    // Or whose newest release was taken away.
    let newest = desk.read("repository/metadata/timestamp.json");
    std::fs::remove_file(desk.path("repository/metadata/timestamp.json")).unwrap();
    refused("sign --yes --key ci.pem", 21, "no metadata/timestamp.json");
    desk.write("repository/metadata/timestamp.json", newest);
    assert_eq!(tree(&desk.path("repository")), before);
}

/// With a root of one's own, a repository that was replaced altogether is noticed.
#[test]
fn sign_can_be_told_which_root_to_trust() {
    let desk = begun();
    desk.write("trusted.json", desk.read("repository/metadata/root.json"));
    std::fs::remove_dir_all(desk.path("root")).unwrap();
    desk.ok(&format!("sign --yes --key ci.pem --root trusted.json {SIGNED}"));
    show_another_repository(&desk);
    desk.refused("sign --yes --key ci.pem --root trusted.json", 20, "is another root than");
}

/// Replaces the repository by one in which CI's key holds the same roles, and a thief's as well: what
/// a git server can show whoever begins with the root that it serves.
fn show_another_repository(desk: &Desk) {
    let den = Desk::new();
    den.ok("key generate evil.pem");
    den.write("ci.pem.pub", desk.read("ci.pem.pub"));
    for (path, content) in tree(&desk.path("build")) {
        den.write(&format!("build/{path}"), content);
    }
    den.ok(&format!(
        "root init --yes --mesh test --key evil.pem --release-key ci.pem.pub --release-key \
         evil.pem.pub {SIGNED}"
    ));
    den.ok(&format!("sign --yes --key evil.pem {SIGNED}"));
    std::fs::remove_dir_all(desk.path("repository")).unwrap();
    for (path, content) in tree(&den.path("repository")) {
        desk.write(&format!("repository/{path}"), content);
    }
}

/// Else CI would sign whatever stands in it: numbers as high as they get, delegations to the thief.
#[test]
fn nobody_signs_for_a_repository_of_somebody_else() {
    let desk = begun();
    desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    show_another_repository(&desk);
    let before = tree(&desk.path("repository"));
    for command in [
        "sign --yes --key ci.pem",
        "sign --yes --refresh --key ci.pem",
        "delegate set north --gateway perth --team-key ci.pem.pub --yes --key ci.pem",
        "root renew",
        "publish /nowhere",
        "verify",
    ] {
        desk.refused(command, 20, "metadata/1.root.json of the repository is another root than");
    }
    // Where there is nothing to compare it with, somebody has to look.
    std::fs::remove_dir_all(desk.path("root")).unwrap();
    let digest = Digest::of(&before["metadata/1.root.json"]).to_string();
    desk.refused("sign --yes --key ci.pem", 20, &format!("taken on trust: sha256 {digest}"));
    desk.refused("sign --propose --export bytes", 20, "taken on trust");
    let asked = desk.run(&format!("sign --key ci.pem {SIGNED}"));
    assert_eq!(asked.code, 64, "nobody can be asked");
    assert!(asked.err.contains(&format!("taken on trust: sha256 {digest}")), "{}", asked.err);
    desk.ok(&format!("root renew {SIGNED}"));
    desk.refused("root sign --yes --key root.pem", 20, "taken on trust");
    assert_eq!(tree(&desk.path("repository")), before);
}

/// Whoever steals a root key that has been replaced can begin another line of roots from there.
#[test]
fn roots_that_were_agreed_on_are_the_ones() {
    let (desk, den) = (begun(), Desk::new());
    for (path, content) in tree(&desk.path("")) {
        den.write(&path, content);
    }
    for (desk, new) in [(&desk, "new.pem"), (&den, "evil.pem")] {
        desk.ok(&format!("key generate {new}"));
        desk.ok(&format!("root replace-key root {new}.pub {SIGNED}"));
        desk.ok(&format!("root sign --yes --key root.pem --key {new}"));
        desk.ok("root rotate --yes");
    }
    desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    for (path, content) in tree(&den.path("repository")) {
        desk.write(&format!("repository/{path}"), content);
    }
    desk.refused(
        "sign --yes --key ci.pem",
        20,
        "metadata/2.root.json of the repository is another",
    );
}

/// Separate keys for each role, two of two for targets.
#[test]
fn roles_can_be_held_apart() {
    let desk = begun();
    for key in ["t1", "t2", "snap", "time"] {
        desk.ok(&format!("key generate {key}"));
    }
    let said = desk.ok(&format!(
        "root init --yes --mesh test --repository apart --proposal apart-root --key root.pem --root-key t1.pub \
         --targets-key t1.pub --targets-key t2.pub --targets-threshold 2 \
         --snapshot-key snap.pub --timestamp-key time.pub {SIGNED}"
    ));
    assert!(said.contains("targets   2 of "), "{said}");
    let sign = |keys: &str| {
        format!("sign --yes --repository apart --root apart-root/1.root.json {SIGNED} {keys}")
    };
    desk.refused(&sign("--key t1 --key snap --key time"), 20, "the targets role needs 2");
    desk.refused(&sign("--key t1 --key t2 --key snap"), 20, "the timestamp role needs 1");
    desk.ok(&sign("--key t1 --key t2 --key snap --key time"));
    let files = tree(&desk.path("apart"));
    assert_eq!(update(&provisioned(&files), &files, NOW).release.unwrap().number(), 1);
    desk.refused(
        "root init --yes --mesh test --repository none --proposal none-root --key root.pem --targets-key t1.pub",
        64,
        "nobody would hold the snapshot role",
    );
}

#[test]
fn the_same_inputs_give_the_same_repository() {
    let desk = begun();
    let make = |repository: &str| {
        desk.ok(&format!("root init --yes --mesh test --key root.pem --release-key ci.pem.pub --repository {repository} --proposal {repository}-root {SIGNED}"));
        desk.ok(&format!("sign --yes --key ci.pem --repository {repository} --root {repository}-root/1.root.json {SIGNED}"));
        tree(&desk.path(repository))
    };
    assert_eq!(make("one"), make("two"));
}
