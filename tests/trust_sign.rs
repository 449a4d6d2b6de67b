//! `tieline sign` as people and CI run it: what it refuses, several signers, signatures from
//! elsewhere, and the timestamp alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod support;

use std::fs;

use serde_json::Value;
use support::cli::{Desk, tree};
use support::forge::{bundle, provisioned, update};
use tieline::bundle::{Build, BuiltBundle};
use tieline::primitives::{Digest, Name};

/// A desk with the keys boss, ci and alice, and a repository for mesh `test`, of whose targets role
/// CI and Alice are `threshold`.
fn begun(threshold: u8) -> Desk {
    let desk = Desk::new();
    for key in ["boss", "ci", "alice"] {
        desk.ok(&format!("key generate {key}"));
    }
    desk.ok(&format!(
        "root init --yes --mesh test --key boss --release-key ci.pub --targets-key ci.pub \
         --targets-key alice.pub --targets-threshold {threshold}"
    ));
    build(&desk, &[("perth", 1), ("sydney", 1)], None);
    desk
}

/// Writes what `tieline build` would.
fn build(desk: &Desk, gateways: &[(&str, u64)], commit: Option<&str>) {
    let mut built = Build {
        format: Build::FORMAT,
        mesh: "test".parse().unwrap(),
        source_commit: commit.map(str::to_owned),
        tieline: None,
        gateways: [].into(),
    };
    for (gateway, n) in gateways {
        let bytes = bundle(gateway, "test", *n);
        let entry = BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(&bytes) };
        let gateway: Name = gateway.parse().unwrap();
        desk.write(&format!("build/{}", Build::bundle_file(&gateway)), &bytes);
        built.gateways.insert(gateway, entry);
    }
    desk.write("build/build.json", serde_json::to_vec(&built).unwrap());
}

/// The release that a new gateway accepts now, if it accepts one.
fn released(desk: &Desk) -> Option<u64> {
    let files = tree(&desk.path("repository"));
    let now = tieline::tuf::UtcTime::from_clock(std::time::SystemTime::now().into());
    update(&provisioned(&files), &files, &now.to_string()).release.ok().map(|new| new.number())
}

fn proposed_files(desk: &Desk) -> Vec<String> {
    let files = tree(&desk.path("repository"));
    files.into_keys().filter_map(|path| path.strip_prefix("proposed/").map(str::to_owned)).collect()
}

/// The flow that the help describes: CI proposes, a person countersigns, CI finishes.
#[test]
fn a_person_countersigns_what_ci_proposes() {
    let desk = begun(2);
    desk.refused("sign --yes --key ci", 20, "the targets role needs 2 of its keys to sign, and 1");
    assert_eq!(
        (released(&desk), proposed_files(&desk).len()),
        (None, 0),
        "nothing is proposed by accident"
    );
    let said = desk.ok("sign --yes --propose --key ci");
    assert!(
        said.contains("release 1 is proposed") && said.contains("need 1 more signature"),
        "{said}"
    );
    assert_eq!((released(&desk), proposed_files(&desk)), (None, vec!["1.targets.json".to_owned()]));
    // The same key is not a second one, and a stranger is none.
    desk.ok("key generate stranger");
    for key in ["ci", "stranger"] {
        desk.refused(&format!("sign --yes --countersign --key {key}"), 20, "role needs 2");
    }
    let said = desk.ok("sign --yes --countersign --key alice");
    assert!(said.contains("added     perth, sydney"), "{said}");
    assert!(said.contains("every bundle is the one in build/"), "{said}");
    assert!(said.contains("its snapshot metadata need 1 more"), "{said}");
    assert_eq!(released(&desk), None);
    desk.ok("sign --yes --countersign --key ci");
    assert_eq!((released(&desk), proposed_files(&desk).len()), (Some(1), 0));
    desk.refused("sign --yes --countersign --key ci", 1, "proposed/2.targets.json is not there");
}

/// Whoever has all the keys needs no second step.
#[test]
fn enough_keys_at_once_release_at_once() {
    let desk = begun(2);
    desk.ok("sign --yes --propose --key ci --key alice");
    assert_eq!((released(&desk), proposed_files(&desk).len()), (Some(1), 0));
}

#[test]
fn what_is_proposed_is_looked_at_with_ones_own_eyes() {
    let desk = begun(2);
    desk.ok("sign --yes --propose --key ci");
    // Alice builds from what she knows, and gets something else.
    build(&desk, &[("perth", 1), ("sydney", 2)], None);
    let said = desk.run("sign --countersign --key alice");
    assert_eq!(said.code, 64, "nobody can be asked");
    assert!(said.err.contains("not the bundles in build/, which were built here: sydney"));
    // Nor is it signed where nobody looks.
    desk.refused("sign --yes --countersign --key alice", 23, "built here: sydney");
    fs::rename(desk.path("build"), desk.path("elsewhere")).unwrap();
    desk.refused("sign --yes --countersign --key alice", 23, "there is no build in build/");
    let said = desk.run("sign --countersign --key alice");
    assert!(said.err.contains("there is no build in build/"), "{}", said.err);
    build(&desk, &[("perth", 1), ("sydney", 1)], None);
    // Somebody changed a bundle after it was proposed.
    let bundles = tree(&desk.path("repository/targets"));
    let (path, bytes) = bundles.iter().next().unwrap();
    desk.write(&format!("repository/targets/{path}"), [bytes.as_slice(), b"x"].concat());
    desk.refused("sign --yes --countersign --key alice", 23, "is not the one that");
    desk.write(&format!("repository/targets/{path}"), bytes);
    // Or what CI signed.
    let proposed = String::from_utf8(desk.read("repository/proposed/1.targets.json")).unwrap();
    let bent = proposed.replace("\"gateway\": \"perth\"", "\"gateway\": \"sydney\"");
    assert_ne!(bent, proposed);
    desk.write("repository/proposed/1.targets.json", bent);
    desk.refused("sign --yes --countersign --key alice", 23, "gateway sydney");
    // A proposal that was overtaken by another release is none any more.
    desk.write("repository/proposed/1.targets.json", &proposed);
    desk.ok("sign --yes --propose --key ci --key alice");
    desk.write("repository/proposed/1.targets.json", &proposed);
    desk.refused("sign --yes --countersign --key alice", 1, "proposed/2.targets.json is not there");
    desk.write("repository/proposed/2.targets.json", &proposed);
    desk.refused("sign --yes --countersign --key alice", 21, "has version 1, and");
}

/// What no bundle shows, and gateways would believe: who else may speak for them, and the time.
#[test]
fn what_else_is_proposed_is_looked_at() {
    let desk = begun(2);
    desk.ok("sign --yes --propose --key ci");
    let proposed = desk.read("repository/proposed/1.targets.json");
    let bend = |field: &str, value: Value| {
        let mut file: Value = serde_json::from_slice(&proposed).unwrap();
        file["signed"][field] = value;
        desk.write("repository/proposed/1.targets.json", serde_json::to_vec(&file).unwrap());
    };
    bend("x-tieline-signed-at", "2099-01-01T00:00:00Z".into());
    desk.refused("sign --yes --countersign --key alice", 1, "was made at 2099-01-01T00:00:00Z");
    let role = serde_json::json!({
        "name": "north", "keyids": [], "threshold": 1, "terminating": true,
        "paths": ["perth.tar.gz"],
    });
    bend("delegations", serde_json::json!({ "keys": {}, "roles": [role] }));
    let said = desk.run("sign --countersign --key alice");
    assert!(said.err.contains("changes the keys or gateways of teams: north"), "{}", said.err);
    desk.refused("sign --yes --countersign --key alice", 23, "gateways of teams: north");
    // To many roles at once, which gateways understand as well.
    let many = serde_json::json!({
        "keyids": [], "threshold": 1, "bit_length": 1, "name_prefix": "south",
    });
    bend("delegations", serde_json::json!({ "keys": {}, "succinct_roles": many }));
    desk.refused("sign --yes --countersign --key alice", 23, "gateways of teams: south-*");
    desk.write("repository/proposed/1.targets.json", &proposed);
    let said = desk.run("sign --countersign --key alice");
    assert!(said.err.contains("perth") && !said.err.contains("of teams"), "{}", said.err);
}

/// The exact bytes go out; what comes back is verified before it is added. OpenSSL signs.
#[test]
fn signatures_come_from_elsewhere() {
    let desk = begun(2);
    desk.ok("sign --yes --propose --key ci --export targets.bytes");
    let sign = |key: &str, out: &str| {
        desk.tool(
            "openssl",
            &format!("pkeyutl -sign -rawin -inkey {key} -in targets.bytes -out {out}"),
        )
    };
    sign("alice", "signature");
    let file: Value =
        serde_json::from_slice(&desk.read("repository/proposed/1.targets.json")).unwrap();
    // Compact with sorted keys: for plain ASCII that is the canonical form.
    assert_eq!(desk.read("targets.bytes"), serde_json::to_vec(&file["signed"]).unwrap());
    let import = |signature: &str, key: &str| {
        format!("sign --yes --countersign --import {signature} --public {key}")
    };
    let before = tree(&desk.path("repository"));
    desk.ok("key generate stranger");
    sign("stranger", "by-a-stranger");
    desk.refused(&import("by-a-stranger", "alice.pub"), 20, "no signature by key");
    desk.refused(&import("by-a-stranger", "stranger.pub"), 20, "does not hold the targets role");
    desk.write("nonsense", "nonsense");
    desk.refused(&import("nonsense", "alice.pub"), 20, "no signature by key");
    assert_eq!(tree(&desk.path("repository")), before);
    desk.refused("sign --yes --countersign --import signature", 64, "--public");
    let said = desk.ok(&import("signature", "alice.pub"));
    assert!(said.contains("its snapshot metadata need 1 more"), "{said}");
    desk.ok("sign --yes --countersign --key ci");
    assert_eq!(released(&desk), Some(1));
}

/// On a schedule CI signs the timestamp alone.
#[test]
fn the_timestamp_alone() {
    let desk = begun(1);
    desk.refused("sign --yes --refresh --key ci", 1, "no release yet");
    desk.ok("sign --yes --key ci");
    let before = tree(&desk.path("repository"));
    let said = desk.ok("sign --yes --refresh --key ci --timestamp-expires 60d");
    assert!(said.contains("nothing but its timestamp"), "{said}");
    let after = tree(&desk.path("repository"));
    let changed: Vec<_> =
        after.iter().filter(|(path, new)| before.get(*path) != Some(*new)).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].0, "metadata/timestamp.json");
    assert_eq!((released(&desk), after.len()), (Some(1), before.len()));
    // It says what will expire before the new timestamp does.
    let said = desk.ok("sign --yes --refresh --key ci --timestamp-expires 400d");
    assert!(said.contains("the root metadata expire first"), "{said}");
    desk.refused("sign --yes --refresh --key alice", 20, "the timestamp role needs 1");
    desk.refused("sign --yes --refresh --countersign --key ci", 64, "--countersign");
}

#[test]
fn programs_learn_who_is_missing() {
    let desk = begun(2);
    let json = |arguments: &str| -> Value {
        let ended = desk.run(&format!("--format json {arguments}"));
        assert_eq!(ended.code, 0, "{}", ended.err);
        let value = serde_json::from_str(&ended.out).unwrap();
        let schema = include_str!("../schema/release.schema.json");
        assert!(jsonschema::is_valid(&serde_json::from_str(schema).unwrap(), &value), "{value}");
        value
    };
    let proposed = json("sign --yes --propose --key ci");
    assert_eq!(proposed["held"]["role"], "targets");
    assert_eq!(proposed["held"]["needed"], 2);
    assert_eq!(proposed["held"]["signed"].as_array().unwrap().len(), 1);
    let done = json("sign --yes --countersign --key ci --key alice");
    assert_eq!((&done["held"], &done["release"]), (&Value::Null, &1.into()));
}

#[test]
fn no_gateway_loses_its_bundle_by_accident() {
    let desk = begun(1);
    desk.ok("sign --yes --key ci");
    build(&desk, &[("perth", 1)], None);
    let before = tree(&desk.path("repository"));
    desk.refused("sign --yes --key ci", 1, "take the bundle away from sydney");
    desk.refused("sign --yes --key ci", 1, "--drop sydney");
    assert_eq!(tree(&desk.path("repository")), before);
    // mesh.lock knows who was removed, and who is there.
    let lock = |lines: &str| {
        let head =
            "# tieline-lock 1: the number of every gateway, never reused; written by tieline lock";
        desk.write("mesh.lock", format!("{head}\n{lines}"));
    };
    lock("1 perth\n2 sydney\n");
    desk.refused("sign --yes --key ci", 23, "has no bundle for sydney, and mesh.lock lists it");
    lock("1 perth\n2 sydney removed\n3 hobart\n");
    desk.refused("sign --yes --key ci", 23, "no bundle for hobart");
    lock("1 perth\n2 sydney removed\n");
    let said = desk.ok("sign --yes --key ci");
    assert!(said.contains("removed   sydney"), "{said}");
    std::fs::remove_file(desk.path("mesh.lock")).unwrap();
    build(&desk, &[("hobart", 1)], None);
    desk.ok("sign --yes --key ci --drop perth");
}

/// Two lines of mesh.lock that are exchanged, or all of them made anew, change every tunnel, and a
/// review of such a change shows nothing but numbers.
#[test]
fn no_gateway_gets_another_number_by_accident() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/five-lans");
    let desk = Desk::new();
    for file in ["mesh.yaml", "mesh.lock"] {
        desk.write(file, fs::read(format!("{example}/{file}")).unwrap());
    }
    for key in ["boss", "ci"] {
        desk.ok(&format!("key generate {key}"));
    }
    desk.ok("root init --yes --mesh acme --key boss --release-key ci.pub");
    let number = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        let text = text.replace(from, to);
        desk.write("mesh.lock", &text);
        desk.ok("build");
    };
    let lock = String::from_utf8(desk.read("mesh.lock")).unwrap();
    number(&lock, "2 perth", "2 perth");
    desk.ok("sign --yes --key ci");
    let before = tree(&desk.path("repository"));

    number(&lock, "2 perth\n3 sydney", "2 sydney\n3 perth");
    let says = "other numbers to perth (172.19.0.2 would be 172.19.0.3), sydney (172.19.0.3 would";
    desk.refused("sign --yes --key ci", 1, says);
    desk.refused("sign --yes --key ci", 1, "--renumber perth --renumber sydney");
    desk.refused("sign --yes --key ci --renumber perth", 1, "other numbers to sydney (");
    number(&lock, "1 fremantle\n2 perth", "1 perth\n2 fremantle");
    desk.refused("sign --yes --key ci", 1, "other numbers to fremantle (172.19.0.1");
    assert_eq!(tree(&desk.path("repository")), before);

    // A tunnel network that is elsewhere takes every address with it, and no number changes.
    let mesh = String::from_utf8(desk.read("mesh.yaml")).unwrap();
    desk.write("mesh.yaml", mesh.replace("172.19.0.0/16", "172.20.0.0/16"));
    number(&lock, "2 perth", "2 perth");
    desk.ok("sign --yes --key ci");
    number(&lock, "2 perth\n3 sydney", "2 sydney\n3 perth");
    desk.refused("sign --yes --key ci", 1, "other numbers to perth (172.20.0.2");
    let said = desk.ok("sign --yes --key ci --renumber perth --renumber sydney");
    assert!(said.contains("changed"), "{said}");
}

/// A CI job of last week, started again, would bring last week's mesh back.
#[test]
fn an_older_commit_is_not_signed_by_accident() {
    let desk = begun(1);
    let commit = |message: &str| {
        desk.tool(
            "git",
            &format!("-c user.name=a -c user.email=a@b commit -q --allow-empty -m {message}"),
        );
        desk.tool("git", "rev-parse HEAD").trim().to_owned()
    };
    desk.tool("git", "init -q");
    let (one, two) = (commit("one"), commit("two"));
    build(&desk, &[("perth", 2)], Some(&two));
    desk.ok("sign --yes --key ci");
    build(&desk, &[("perth", 1)], Some(&one));
    desk.refused("sign --yes --key ci", 21, "which comes after it");
    build(&desk, &[("perth", 3)], Some(&two));
    desk.ok("sign --yes --key ci");
    build(&desk, &[("perth", 1)], Some(&one));
    desk.ok("sign --yes --key ci --back");
    // A commit that is not known here says nothing.
    build(&desk, &[("perth", 1)], Some("0123456789abcdef0123456789abcdef01234567"));
    desk.ok("sign --yes --key ci");
}

/// CI's checkout has one commit by default, which tells nothing of what came before or after it.
#[test]
fn a_shallow_clone_signs_nothing_that_it_cannot_tell() {
    let desk = begun(1);
    let git = |arguments: &str| {
        desk.tool("git", &format!("-c user.name=a -c user.email=a@b {arguments}")).trim().to_owned()
    };
    git("init -q -b main origin");
    let commits = ["one", "two", "three"].map(|message| {
        git(&format!("-C origin commit -q --allow-empty -m {message}"));
        git(&format!("-C origin branch {message}"));
        git("-C origin rev-parse HEAD")
    });
    let [one, two, three] = &commits;
    let clone = |branch: &str| {
        let _ = std::fs::remove_dir_all(desk.path(".git"));
        let url = format!("file://{}", desk.path("origin").display());
        git(&format!("clone -q --depth 1 --no-checkout -b {branch} {url} clone"));
        std::fs::rename(desk.path("clone/.git"), desk.path(".git")).unwrap();
        std::fs::remove_dir_all(desk.path("clone")).unwrap();
    };
    clone("two");
    build(&desk, &[("perth", 2)], Some(two));
    desk.ok("sign --yes --key ci");
    // The same commit again is neither earlier nor later.
    build(&desk, &[("perth", 3)], Some(two));
    desk.ok("sign --yes --key ci");
    for (branch, commit) in [("one", one), ("three", three)] {
        clone(branch);
        build(&desk, &[("perth", 4)], Some(commit));
        desk.refused("sign --yes --key ci", 21, "this is a shallow clone");
        desk.refused("sign --yes --key ci", 21, "`git fetch --unshallow`");
    }
    git("fetch -q --unshallow");
    desk.ok("sign --yes --key ci");
    clone("one");
    git("fetch -q --unshallow origin main");
    build(&desk, &[("perth", 1)], Some(one));
    desk.refused("sign --yes --key ci", 21, "which comes after it");
    desk.ok("sign --yes --key ci --back");
}

/// What a wrong clock signs, gateways believe.
#[test]
fn clocks_that_cannot_be_right() {
    let desk = begun(1);
    desk.ok("sign --yes --key ci");
    let clock = |clock: &str, arguments: &str| {
        let tieline = env!("CARGO_BIN_EXE_tieline");
        let mut command = std::process::Command::new("faketime");
        command.arg(clock).arg(tieline).args(arguments.split_whitespace());
        let output = command.current_dir(desk.path("")).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let before = tree(&desk.path("repository"));
    for (wrong, says) in [("2099-01-01", "a wrong clock"), ("1990-01-01", "clocks is wrong")] {
        let (code, said) = clock(wrong, "sign --yes --key ci");
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(says) && said.contains("--signed-at"), "{said}");
        let (code, said) = clock(wrong, "sign --yes --refresh --key ci");
        assert_eq!(code, 1, "{said}");
    }
    assert_eq!(tree(&desk.path("repository")), before);
}

/// Time enough to sign again.
#[test]
fn what_expires_too_soon_is_not_signed() {
    let desk = begun(1);
    for role in ["targets", "snapshot", "timestamp"] {
        let short = format!("sign --yes --key ci --{role}-expires 0d");
        desk.refused(&short, 1, "leave less than a day");
        desk.refused(&short, 1, &format!("--{role}-expires"));
    }
    desk.ok("sign --yes --key ci --timestamp-expires 1d");
}
