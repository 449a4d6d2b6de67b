//! Root ceremonies: people in different places change who holds which role, through git.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::builds::build;
use support::cli::{Desk, tree};
use support::forge::{NOW, accepted, provisioned, update};
use tieline::tuf::Stored;

/// In the year in which these tests take place.
const SIGNED: &str = "--signed-at 2030-01-01T00:00:00Z";

/// A desk with keys of Anna, Bob, Carol and CI.
fn desk() -> Desk {
    let desk = Desk::new();
    for key in ["anna", "bob", "carol", "ci"] {
        desk.ok(&format!("key generate {key}.pem"));
    }
    desk
}

/// The same, with root 1 in force since today: two of Anna, Bob and Carol hold root, CI the rest.
fn begun() -> Desk {
    begun_with("")
}

fn begun_with(options: &str) -> Desk {
    let desk = desk();
    desk.ok(&format!(
        "root init --yes --mesh test --key anna.pem --key bob.pem --root-key carol.pem.pub \
         --root-threshold 2 --release-key ci.pem.pub {options}"
    ));
    desk
}

fn provision(desk: &Desk) -> Stored {
    provisioned(&tree(&desk.path("repository")))
}

/// What `tieline root verify` says, as JSON that fits its schema.
fn verify(desk: &Desk, code: i32) -> Value {
    let ended = desk.run("--format json root verify");
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    let value: Value = serde_json::from_str(&ended.out).unwrap();
    let schema = std::fs::read(format!("{}/schema/root.schema.json", env!("CARGO_MANIFEST_DIR")));
    let schema = serde_json::from_slice(&schema.unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &value), "{value}");
    value
}

/// Who is missing under the n-th of the roots that have a say.
fn missing(report: &Value, n: usize) -> Vec<&str> {
    let missing = report["proposal"]["needs"][n]["missing"].as_array().unwrap();
    missing.iter().map(|key| key["name"].as_str().unwrap()).collect()
}

fn git(directory: &Path, arguments: &str) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=x", "-c", "user.email=x@example.net", "-c", "commit.gpgsign=false"]);
    git.args(arguments.split(' ')).current_dir(directory).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = git.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments}: {text}{err}");
    text
}

/// Somebody's clone of the repository that the ceremony takes place in.
struct Person {
    desk: Desk,
}

impl Person {
    fn new(hub: &Path, keys: &Desk, name: &str) -> Self {
        let desk = Desk::new();
        git(&desk.path(""), &format!("clone -q {} .", hub.display()));
        // Private keys stay with their owner, out of git.
        for file in [format!("{name}.pem"), format!("{name}.pem.pub")] {
            desk.write(&format!(".git/{file}"), keys.read(&file));
        }
        Self { desk }
    }

    fn pull(&self) -> &Self {
        git(&self.desk.path(""), "pull -q --no-rebase --no-edit origin main");
        self
    }

    fn push(&self, message: &str) {
        let directory = self.desk.path("");
        git(&directory, "add -A");
        git(&directory, &format!("commit -q -m {message}"));
        git(&directory, "pull -q --no-rebase --no-edit origin main");
        git(&directory, "push -q origin HEAD:main");
    }

    fn sign(&self, name: &str) -> String {
        self.desk.ok(&format!("root sign --yes --key .git/{name}.pem"))
    }
}

/// Two of three, each in a clone of their own, two of them at the same time: the first root, a
/// release, then Bob's key is replaced, and gateways follow.
#[test]
fn three_people_in_three_clones() {
    let keys = desk();
    let hub = keys.path("hub");
    git(&keys.path(""), "init -q --bare -b main hub");
    let seed = Desk::new();
    git(&seed.path(""), "init -q -b main");
    seed.write("mesh.yaml", "mesh: test\n");
    for key in ["anna", "bob", "carol", "ci"] {
        seed.write(&format!("keys/{key}.pub"), keys.read(&format!("{key}.pem.pub")));
    }
    git(&seed.path(""), "add -A");
    git(&seed.path(""), "commit -q -m begin");
    git(&seed.path(""), &format!("push -q {} main", hub.display()));
    let [anna, bob, carol] = ["anna", "bob", "carol"].map(|name| Person::new(&hub, &keys, name));

    // The first root: nobody has all the keys.
    anna.desk.ok(&format!(
        "root init --yes --mesh test --root-key keys/anna.pub --root-key keys/bob.pub \
         --root-key keys/carol.pub --root-threshold 2 --release-key keys/ci.pub {SIGNED}"
    ));
    anna.push("propose");
    anna.desk.refused("root rotate --yes", 20, "too few have signed root 1");
    // Bob and Carol sign at the same time; git merges by itself.
    bob.pull().sign("bob");
    carol.pull().sign("carol");
    bob.push("bob");
    carol.push("carol");
    let report = verify(&anna.pull().desk, 0);
    assert_eq!(missing(&report, 0), ["anna"], "two are enough");
    anna.desk.ok("root rotate --yes");
    build(&anna.desk, &[("perth", 1)]);
    anna.desk.write(".git/ci.pem", keys.read("ci.pem"));
    anna.desk.ok(&format!("sign --yes --uncommitted --key .git/ci.pem {SIGNED}"));
    anna.push("root-1");
    let gateway = provision(&anna.desk);
    let (release, gateway) = accepted(&gateway, &tree(&anna.desk.path("repository")));
    assert_eq!(release, 1);

    // Bob has a new key. The old root wants two of three, and so does the new.
    let fresh = Desk::new();
    fresh.ok("key generate bob.pem");
    bob.pull().desk.write("keys/bob.pub", fresh.read("bob.pem.pub"));
    let said = bob.desk.ok(&format!("root replace-key bob bob=keys/bob.pub {SIGNED}"));
    assert!(said.contains("root: removes bob (") && said.contains("root: adds bob ("), "{said}");
    bob.desk.write(".git/new.pem", fresh.read("bob.pem"));
    let said = bob.desk.ok("root sign --yes --key .git/new.pem");
    assert!(said.contains("nobody has signed"), "the new key is none of the old root's: {said}");
    bob.push("propose");
    let report = verify(&carol.pull().desk, 20);
    assert_eq!(missing(&report, 0), ["anna", "bob", "carol"]);
    assert_eq!(missing(&report, 1), ["anna", "carol"]);
    let said = carol.sign("carol");
    assert!(said.contains("missing: 1 signature, of anna ("), "{said}");
    // All that the new root wants, and not all that the old one does.
    carol.desk.refused("root rotate --yes", 20, "too few have signed root 2");
    carol.push("carol");
    // His old key, which is called bob as well, in a file of its own.
    bob.pull().sign("bob");
    assert_eq!(tree(&bob.desk.path("root/signatures")).len(), 3);
    bob.push("bob");
    let report = verify(&anna.pull().desk, 0);
    assert_eq!([missing(&report, 0), missing(&report, 1)], [["anna"], ["anna"]]);
    let said = anna.desk.ok("root rotate --yes");
    assert!(said.contains("release 1 still counts"), "{said}");
    anna.push("root-2");
    let files = tree(&anna.desk.path("repository"));
    assert_eq!(files["metadata/2.root.json"], files["metadata/root.json"]);
    let (release, after) = accepted(&gateway, &files);
    assert_eq!(release, 1);
    assert_eq!(after.root, files["metadata/2.root.json"], "the gateway followed");
    assert!(!anna.desk.path("root/proposed.root.json").exists());
    assert!(!anna.desk.path("root/signatures").exists());
}

/// The CI key is replaced: the release there is counts no more, and the next one is signed by the new
/// key alone. A gateway that knows only the first root follows.
#[test]
fn after_a_rotation_the_next_release_is_signed_by_the_new_key() {
    let desk = begun_with(SIGNED);
    build(&desk, &[("perth", 1)]);
    desk.ok(&format!("sign --yes --key ci.pem {SIGNED}"));
    let gateway = provision(&desk);
    let (_, gateway) = accepted(&gateway, &tree(&desk.path("repository")));
    desk.ok("key generate new.pem");
    let said = desk.ok(&format!("root replace-key ci new.pem.pub {SIGNED}"));
    for role in ["targets", "snapshot", "timestamp"] {
        assert!(said.contains(&format!("{role}: adds new (")), "{said}");
    }
    desk.ok("root sign --yes --key anna.pem --key carol.pem");
    let said = desk.ok("root rotate --yes");
    assert!(said.contains("release 1 was signed for root 1 and no longer counts"), "{said}");

    let files = tree(&desk.path("repository"));
    assert!(update(&gateway, &files, NOW).release.is_err(), "nothing the old key signed counts");
    desk.refused(&format!("sign --yes --key ci.pem {SIGNED}"), 20, "the targets role needs 1");
    desk.ok(&format!("sign --yes --key new.pem {SIGNED}"));
    let (release, _) = accepted(&gateway, &tree(&desk.path("repository")));
    assert_eq!(release, 2);
}

#[test]
fn a_change_drops_the_signatures_of_what_was() {
    let desk = begun();
    desk.ok("root set-threshold root 1");
    desk.ok("root sign --yes --key anna.pem");
    let stale = tree(&desk.path("root/signatures"));
    assert_eq!(stale.len(), 1);
    let said = desk.ok("root revoke-key carol");
    assert!(said.contains("dropped 1 signature"), "{said}");
    assert!(!desk.path("root/signatures").exists());
    assert_eq!(missing(&verify(&desk, 20), 0), ["anna", "bob", "carol"]);
    // One who had not seen the change brings the old signature back.
    for (path, content) in &stale {
        desk.write(&format!("root/signatures/{path}"), content);
    }
    desk.write("root/signatures/nonsense.json", "{}");
    let report = verify(&desk, 20);
    assert_eq!(missing(&report, 0), ["anna", "bob", "carol"], "it counts for nothing");
    let ignored = report["proposal"]["ignored"].to_string();
    assert!(ignored.contains("was changed after it was signed"), "{ignored}");
    assert!(ignored.contains("nonsense.json is no signature file"), "{ignored}");
    // Both changes are in the proposal.
    let changes = report["proposal"]["changes"].to_string();
    assert!(changes.contains("removes carol"), "{changes}");
    assert!(changes.contains("1 of 2 must sign, instead of 2 of 3"), "{changes}");
}

#[test]
fn what_nobody_could_ever_sign_is_not_proposed() {
    let desk = begun();
    let before = tree(&desk.path(""));
    desk.refused("root set-threshold root 4", 1, "3 usable keys, so 4 of them could never sign");
    desk.refused("root set-threshold targets 2", 1, "1 usable keys");
    desk.refused("root set-threshold targets 0", 64, "0");
    desk.refused("root revoke-key ci", 1, "the targets role would have 0 usable keys");
    desk.refused("root revoke-key ci", 1, "tieline root replace-key");
    desk.refused("root add-key --role root anna.pem.pub", 1, "anna holds the root role already");
    desk.refused("root revoke-key anna --role targets", 1, "anna does not hold the targets role");
    desk.refused("root revoke-key dora", 1, "no key of the root is called dora");
    desk.refused("root revoke-key 1234567", 1, "no key of the root");
    desk.refused("root replace-key anna anna.pem.pub", 1, "replaced by itself");
    desk.refused("root add-key --role root bob=ci.pem.pub", 1, "another key is called bob already");
    desk.refused("root renew --expires 2020-01-01T00:00:00Z", 1, "of no use");
    desk.refused("root renew --repository nowhere", 20, "has no metadata/1.root.json");
    desk.refused("root sign --yes --key anna.pem", 1, "no root is proposed");
    assert_eq!(tree(&desk.path("")), before);

    // Two at a time: the last keys of a role.
    desk.ok("root set-threshold root 1");
    desk.ok("root revoke-key anna");
    desk.ok("root revoke-key bob");
    desk.refused("root revoke-key carol", 1, "the root role would have 0 usable keys");
    // A stranger's signature counts for nothing, so it is not asked for.
    desk.refused("root sign --yes --key ci.pem", 20, "holds the root role neither now nor in");
}

/// All that the old root wants, and not all that the new one does.
#[test]
fn the_new_threshold_counts_as_well() {
    let desk = begun();
    desk.ok("root set-threshold root 3");
    desk.ok("root sign --yes --key anna.pem --key bob.pem");
    let report = verify(&desk, 20);
    assert_eq!(report["proposal"]["needs"][0]["signed"].as_array().unwrap().len(), 2);
    desk.refused("root rotate --yes", 20, "missing: 1 signature, of carol (");
    assert!(!desk.path("repository/metadata/2.root.json").exists());
    desk.ok("root sign --yes --key carol.pem");
    desk.ok("root rotate --yes");
}

/// Gateways learn the time from what was signed, so a proposal is not dated by a wrong clock, and
/// whoever is asked to sign a date in the future is told.
#[test]
fn a_date_in_the_future_is_noticed() {
    let desk = desk();
    desk.ok("root init --yes --mesh test --key anna.pem --release-key ci.pem.pub");
    let later = "root renew --signed-at 2999-01-01T00:00:00Z";
    desk.ok(later);
    let said = desk.ok("root sign --yes --key anna.pem");
    assert!(said.contains("warning") && said.contains("signed at 2999-01-01"), "{said}");
    desk.ok("root renew");
    assert!(!desk.ok("root sign --yes --key anna.pem").contains("warning"));
    // The root there is was signed long after the clock's now.
    let ahead = begun_with(SIGNED);
    ahead.refused("root renew", 1, "clock");
    ahead.ok(&format!("root renew {SIGNED}"));
}

/// Proposals come from pull requests: whoever wrote one is not believed.
#[test]
fn a_forged_proposal_is_refused() {
    let desk = begun();
    desk.ok("root renew");
    let good: Value = serde_json::from_slice(&desk.read("root/proposed.root.json")).unwrap();
    let ids: Vec<_> = good["signed"]["keys"].as_object().unwrap().keys().cloned().collect();
    let forged = |says: &str, forge: &dyn Fn(&mut Value)| {
        let mut bad = good.clone();
        forge(&mut bad["signed"]);
        desk.write("root/proposed.root.json", serde_json::to_vec(&bad).unwrap());
        let ended = desk.run("root verify");
        assert!(ended.code != 0 && ended.err.contains(says), "{says}: {}{}", ended.out, ended.err);
        let ended = desk.run("root sign --yes --key anna.pem");
        assert!(ended.code != 0 && ended.err.contains(says), "{says}: {}", ended.err);
        assert!(!desk.path("root/signatures").exists());
    };
    forged("the one that can follow is root 2", &|root| root["version"] = 3.into());
    forged("remove", &|root| root["version"] = 1.into());
    forged("is for mesh evil", &|root| root["x-tieline-mesh"] = "evil".into());
    forged("is for mesh none", &|root| {
        root.as_object_mut().unwrap().remove("x-tieline-mesh");
    });
    forged("consistent_snapshot", &|root| root["consistent_snapshot"] = false.into());
    forged("could never sign", &|root| root["roles"]["timestamp"]["threshold"] = 2.into());
    forged("nonzero", &|root| root["roles"]["root"]["threshold"] = 0.into());
    forged("which the proposal does not have", &|root| {
        root["roles"]["root"]["keyids"][0] = "00".into();
    });
    forged("are the same key under two ids", &|root| {
        root["keys"]["00"] = root["keys"][&ids[0]].clone();
    });
    forged("not root metadata", &|root| root["_type"] = "targets".into());
    // Keys that verify nothing are no holders.
    forged("could never sign", &|root| {
        for id in &ids {
            root["keys"][id]["scheme"] = "rsassa-pss-sha256".into();
        }
    });
    // What an attacker wrote commands no terminal.
    let mut bad = good.clone();
    bad["signed"]["\u{1b}[2Jx"] = 1.into();
    desk.write("root/proposed.root.json", serde_json::to_vec(&bad).unwrap());
    let ended = desk.run("root verify");
    assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'), "{}", ended.out);
    assert!(ended.out.contains("which is not of Tieline"), "{}", ended.out);
}

#[test]
fn offline_signatures_are_verified_before_they_are_added() {
    let desk = begun();
    desk.ok("root renew");
    desk.ok("root sign --export root.bytes");
    let proposed: Value = serde_json::from_slice(&desk.read("root/proposed.root.json")).unwrap();
    // Compact with sorted keys: for plain ASCII that is the canonical form.
    assert_eq!(desk.read("root.bytes"), serde_json::to_vec(&proposed["signed"]).unwrap());
    let made = "pkeyutl -sign -rawin -inkey anna.pem -in root.bytes -out anna.sig";
    desk.tool("openssl", made);

    let import = |file: &str, key: &str| format!("root sign --import {file} --public {key}");
    let mut bent = desk.read("anna.sig");
    bent[7] ^= 1;
    desk.write("bent.sig", &bent);
    for (file, key) in [
        ("bent.sig", "anna.pem.pub"),
        ("anna.sig", "bob.pem.pub"),
        ("anna.pem.pub", "anna.pem.pub"),
        ("root.bytes", "anna.pem.pub"),
    ] {
        let ended = desk.run(&import(file, key));
        assert_ne!(ended.code, 0, "{file} {key}");
        assert!(!desk.path("root/signatures").exists(), "{file} {key}");
    }
    desk.refused(&import("bent.sig", "anna.pem.pub"), 20, "no signature by key");
    desk.refused(&import("anna.sig", "ci.pem.pub"), 20, "holds the root role neither");
    desk.refused("root sign --import anna.sig", 64, "--public");
    desk.ok(&import("anna.sig", "anna.pem.pub"));

    // Bob's, in base64.
    desk.tool("openssl", "pkeyutl -sign -rawin -inkey bob.pem -in root.bytes -out bob.sig");
    desk.tool("openssl", "base64 -in bob.sig -out bob.b64 -A");
    desk.ok(&import("bob.b64", "bob.pem.pub"));
    desk.ok("root rotate --yes");

    // And OpenSSL agrees on what we sign.
    desk.ok("root renew");
    desk.ok("root sign --export root.bytes");
    desk.ok("root sign --yes --key carol.pem");
    let kept = tree(&desk.path("root/signatures")).into_values().next().unwrap();
    let kept: Value = serde_json::from_slice(&kept).unwrap();
    let hex = kept["sig"].as_str().unwrap();
    let bytes: Vec<u8> =
        (0..128).step_by(2).map(|n| u8::from_str_radix(&hex[n..n + 2], 16).unwrap()).collect();
    desk.write("carol.sig", bytes);
    let check =
        "pkeyutl -verify -rawin -pubin -inkey carol.pem.pub -sigfile carol.sig -in root.bytes";
    assert!(desk.tool("openssl", check).contains("Verified Successfully"));
}

#[test]
fn nothing_is_signed_without_a_yes() {
    let desk = begun();
    desk.ok("root renew");
    let before = tree(&desk.path(""));
    desk.refused("root sign --key anna.pem", 64, "standard input is no terminal");
    desk.refused("root sign --key anna.pem", 64, "add --yes");
    desk.refused("root sign --key anna.pem", 64, "proposed: root 2 of mesh test");
    desk.refused("root init --mesh test --key anna.pem --release-key ci.pem.pub --repository r2 --proposal p2", 64, "--yes");
    build(&desk, &[("perth", 1)]);
    let built = tree(&desk.path("build"));
    desk.refused("sign --key ci.pem", 64, "--yes");
    for answer in ["n\n", "\n", "yess\n"] {
        let ended = desk.at_terminal("root sign --key anna.pem", &[answer]);
        assert_eq!(ended.code, 1, "{}", ended.out);
        assert!(ended.out.contains("Sign this root? [y/N] "), "{}", ended.out);
        assert!(ended.out.contains("valid until"), "it says what is signed: {}", ended.out);
    }
    let mut after = tree(&desk.path(""));
    after.retain(|path, _| !path.starts_with("build/"));
    assert_eq!(after, before);
    assert_eq!(built.len(), 2);
    // However quiet it is to be, whoever is asked sees what for.
    let ended = desk.at_terminal("--quiet root sign --key anna.pem", &["y\n"]);
    assert_eq!(ended.code, 0, "{}", ended.out);
    assert!(ended.out.contains("proposed: root 2"), "{}", ended.out);
    assert_eq!(missing(&verify(&desk, 20), 0), ["bob", "carol"]);
    desk.ok("root sign --yes --key bob.pem");
    desk.refused("root rotate", 64, "add --yes");
    assert!(!desk.path("repository/metadata/2.root.json").exists());
}

#[test]
fn names_are_for_people_and_decide_nothing() {
    let desk = begun();
    let shown = desk.ok_out("root show");
    assert!(shown.contains("root      2 of anna ("), "{shown}");
    // A root file alone, as a gateway has it.
    let alone = desk.ok_out("root show repository/metadata/root.json");
    assert_eq!(alone, shown);
    // A guessed name gives way, one that was said is an error; another name is a change.
    desk.write("anna.pub", {
        let other = Desk::new();
        other.ok("key generate x.pem");
        other.read("x.pem.pub")
    });
    let said = desk.ok("root add-key --role root anna.pub");
    assert!(said.contains("root: adds key "), "{said}");
    desk.ok("root revoke-key carol");
    desk.ok("root add-key --role root karola=carol.pem.pub");
    let changes = verify(&desk, 20)["proposal"]["changes"].to_string();
    assert!(
        changes.contains("karola (") && changes.contains("is the new name of carol"),
        "{changes}"
    );
    // Names that cannot be relied on are not shown: here one for two keys.
    let mut root: Value = serde_json::from_slice(&desk.read("root/proposed.root.json")).unwrap();
    for (_, name) in root["signed"]["x-tieline-key-names"].as_object_mut().unwrap() {
        *name = "anna".into();
    }
    desk.write("root/proposed.root.json", serde_json::to_vec(&root).unwrap());
    let report = verify(&desk, 20);
    let keys = report["proposal"]["root"]["roles"][0]["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key.get("name").is_none()), "{report}");
}
