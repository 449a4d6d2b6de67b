//! Who else may say what a bundle is, and for whom: a team can be given the keys of its own gateways and of
//! no others (specification 5.6.7).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::forge::{
    Files, Forge, NOW, accepted, by, delegated_path, id, provisioned, public, time, update,
};
use tieline::primitives::Digest;
use tieline::tuf::{Role, Stored, TrustError, TrustErrorKind, Update};

/// A search: what is found, if anything, and which delegated roles were asked for, in their order.
struct Sought {
    found: Result<Option<Vec<u8>>, TrustError>,
    asked: Vec<String>,
    stored: Stored,
}

fn seek(stored: &Stored, files: &Files, paths: &[&str]) -> Sought {
    let mut update = Update::start(stored.clone(), time(NOW)).unwrap();
    let mut asked = Vec::new();
    let mut found = Ok(None);
    for path in paths {
        found = seek_one(&mut update, files, path, &mut asked);
        if found.is_err() {
            break;
        }
    }
    Sought { found, asked, stored: update.stored().clone() }
}

fn seek_one(
    update: &mut Update,
    files: &Files,
    path: &str,
    asked: &mut Vec<String>,
) -> Result<Option<Vec<u8>>, TrustError> {
    update.seek(path)?;
    while let Some(request) = update.next() {
        let name = request.path.trim_start_matches("metadata/").trim_end_matches(".json");
        let name = name.split_once('.').map_or(name, |(_, name)| name);
        if Role::ALL.into_iter().all(|role| role.as_str() != name) {
            asked.push(name.to_owned());
        }
        update.supply(files.get(&request.path).cloned())?;
    }
    let file = update.found(path)?;
    Ok(file.map(|file| files[&file.request().path].clone()))
}

/// What a gateway finds at `path`.
fn find(forge: Forge, path: &str) -> Sought {
    let mut files = forge.files();
    for content in CONTENTS {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let name = path.rsplit('/').next().unwrap();
        let slash = if directory.is_empty() { "" } else { "/" };
        let place = format!("targets/{directory}{slash}{}.{name}", Digest::of(content));
        files.insert(place, content.to_vec());
    }
    seek(&provisioned(&files), &files, &[path])
}

/// What tests put behind targets.
const CONTENTS: [&[u8]; 3] = [b"top", b"A", b"B"];

#[track_caller]
fn finds(forge: Forge, path: &str, content: Option<&[u8]>, asked: &[&str]) {
    let sought = find(forge, path);
    assert_eq!(sought.found.unwrap().as_deref(), content, "{path}");
    assert_eq!(sought.asked, asked, "{path}");
}

#[track_caller]
fn refused(what: &str, forge: Forge, path: &str) {
    let error = find(forge, path).found.expect_err(what);
    assert_eq!(error.kind(), TrustErrorKind::Signature, "{what}: {error}");
}

fn paths(patterns: &[&str]) -> Value {
    json!({"paths": patterns})
}

fn terminating(patterns: &[&str]) -> Value {
    json!({"paths": patterns, "terminating": true})
}

#[test]
fn a_gateway_takes_the_bundle_that_its_team_signs() {
    let forge = Forge::new().delegating();
    let files = forge.clone().files();
    let updated = update(&provisioned(&files), &files, NOW);
    let release = updated.release.unwrap();
    let target = release.target(&"perth".parse().unwrap()).unwrap();
    let bundle = target.accept(files[&target.request().path].clone()).unwrap();
    assert_eq!(bundle.unpack().unwrap().0.gateway.as_str(), "perth");
    assert_eq!(bundle.release(), 1, "its number is that of the top-level targets");
    // The team makes a new bundle; the top-level targets stay as they are, and so does the number.
    let newer = forge.clone().next().set(Role::Targets, "/version", json!(1)).files();
    let (number, stored) = accepted(&updated.stored, &newer);
    assert_eq!(number, 1);
    let release = update(&stored, &newer, NOW).release.unwrap();
    let again = release.target(&"perth".parse().unwrap()).unwrap();
    assert_ne!(again.digest(), bundle.digest());
    // And it cannot be taken back.
    let error = update(&stored, &files, NOW).release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Rollback);
}

/// The point of it all: with its keys, a team reaches its own gateways and no others.
#[test]
fn a_team_cannot_speak_for_other_gateways() {
    let stolen = |pattern: &str| {
        let mut forge = Forge::new().delegate("targets", "west", 5, &paths(&[pattern]));
        let mut perth = forge.of(Role::Targets)["targets"].take();
        forge.of(Role::Targets)["targets"] = json!({"sydney.tar.gz": perth["sydney.tar.gz"]});
        perth["hobart.tar.gz"] = perth["perth.tar.gz"].clone();
        // The team speaks of everything there is.
        forge.targets_of("west")["targets"] = perth;
        forge.files()
    };
    let files = stolen("perth.tar.gz");
    let release = update(&provisioned(&files), &files, NOW).release.unwrap();
    assert!(release.target(&"perth".parse().unwrap()).is_ok());
    let mut update = Update::start(provisioned(&files), time(NOW)).unwrap();
    update.seek_bundle(&"hobart".parse().unwrap()).unwrap();
    while let Some(request) = update.next() {
        assert!(!request.path.contains("west"), "not even asked");
        update.supply(files.get(&request.path).cloned()).unwrap();
    }
    let hobart = "hobart".parse().unwrap();
    let release = update.finish().unwrap();
    assert!(matches!(release.target(&hobart), Err(TrustError::NoBundle { .. })));
    // Nor by handing its right on: what it may not say, nobody may for it.
    let forge = Forge::new()
        .delegate("targets", "west", 5, &paths(&["perth.tar.gz"]))
        .delegate("west", "friend", 6, &paths(&["*"]))
        .target("friend", "hobart.tar.gz", b"A");
    finds(forge, "hobart.tar.gz", None, &[]);
    // Whoever has a target at the top has it from there.
    let forge = Forge::new()
        .delegate("targets", "west", 5, &paths(&["*"]))
        .target("west", "x", b"A")
        .target("targets", "x", b"top");
    finds(forge, "x", Some(b"top"), &[]);
    // And a release in which nobody looked for a delegated bundle does not deny that there is one.
    let files = Forge::new().delegating().files();
    let mut update = Update::start(provisioned(&files), time(NOW)).unwrap();
    while let Some(request) = update.next() {
        update.supply(files.get(&request.path).cloned()).unwrap();
    }
    let unsought = update.finish().unwrap();
    let error = unsought.target(&"perth".parse().unwrap()).unwrap_err();
    assert!(matches!(error, TrustError::Unfinished), "{error}");
}

/// A bundle of another gateway stays one, also where the team may speak of both.
#[test]
fn a_team_cannot_swap_its_gateways() {
    let mut forge = Forge::new().delegate("targets", "west", 5, &paths(&["*.tar.gz"]));
    let targets = forge.of(Role::Targets)["targets"].take();
    forge.of(Role::Targets)["targets"] = json!({});
    let swapped = json!({"perth.tar.gz": targets["sydney.tar.gz"]});
    forge.targets_of("west")["targets"] = swapped;
    let files = forge.files();
    let release = update(&provisioned(&files), &files, NOW).release.unwrap();
    let error = release.target(&"perth".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::WrongGateway, "{error}");
}

#[test]
fn roles_are_asked_in_preorder() {
    let tree = || {
        Forge::new()
            .delegate("targets", "A", 5, &paths(&["*"]))
            .delegate("targets", "B", 6, &paths(&["*"]))
            .delegate("A", "C", 7, &paths(&["*"]))
            .delegate("A", "D", 8, &paths(&["*"]))
            .delegate("C", "E", 9, &paths(&["*"]))
    };
    finds(tree(), "x", None, &["A", "C", "E", "D", "B"]);
    finds(
        tree().target("D", "x", b"A").target("B", "x", b"B"),
        "x",
        Some(b"A"),
        &["A", "C", "E", "D"],
    );
    finds(tree().target("A", "x", b"A").target("E", "x", b"B"), "x", Some(b"A"), &["A"]);
    // Only those are asked whose pattern matches.
    let apart = Forge::new()
        .delegate("targets", "A", 5, &paths(&["a/*"]))
        .delegate("targets", "B", 6, &paths(&["b/*", "c?/*"]))
        .delegate("B", "C", 7, &paths(&["b/x"]))
        .target("B", "cc/y", b"B")
        .target("C", "b/x", b"A");
    finds(apart.clone(), "b/x", Some(b"A"), &["B", "C"]);
    finds(apart.clone(), "cc/y", Some(b"B"), &["B"]);
    finds(apart.clone(), "a/b/c", None, &[]);
    finds(apart, "a", None, &[]);
}

#[test]
fn a_terminating_delegation_has_the_last_word() {
    let tree = |a: Value, c: Value| {
        Forge::new()
            .delegate("targets", "A", 5, &a)
            .delegate("targets", "B", 6, &paths(&["*"]))
            .delegate("A", "C", 7, &c)
            .delegate("A", "D", 8, &paths(&["*"]))
            .target("B", "x", b"B")
    };
    let all = || paths(&["*"]);
    finds(tree(all(), all()), "x", Some(b"B"), &["A", "C", "D", "B"]);
    finds(tree(terminating(&["*"]), all()), "x", None, &["A", "C", "D"]);
    // Neither its own siblings nor those of whoever delegates to it.
    finds(tree(all(), terminating(&["*"])), "x", None, &["A", "C"]);
    // Where its pattern does not match, it ends nothing.
    finds(tree(all(), terminating(&["y"])), "x", Some(b"B"), &["A", "D", "B"]);
}

#[test]
fn hash_prefixes_and_bins() {
    let hash = Digest::of(b"x").to_string();
    let by_hash = |prefixes: &[&str]| {
        Forge::new()
            .delegate("targets", "A", 5, &json!({"path_hash_prefixes": prefixes}))
            .target("A", "x", b"A")
    };
    for yes in [&hash[..1], &hash[..2], &hash, ""] {
        finds(by_hash(&["zz", yes]), "x", Some(b"A"), &["A"]);
    }
    for no in [&hash[1..3], &format!("{hash}0"), &hash[..4].to_uppercase()] {
        finds(by_hash(&[no]), "x", None, &[]);
    }
    finds(by_hash(&[]), "x", None, &[]);

    // The first bits of the hash say which of the bins is asked (TAP 15).
    let first = u8::from_str_radix(&hash[..2], 16).unwrap();
    let bins = |bit_length: u8, name: &str| {
        let mut forge =
            Forge::new().delegate("targets", name, 5, &paths(&[])).target(name, "x", b"A");
        forge.of(Role::Targets)["delegations"] = json!({
            "keys": {id(5): public(5)},
            "succinct_roles": {
                "keyids": [id(5)], "threshold": 1, "bit_length": bit_length, "name_prefix": "bin",
            },
        });
        forge
    };
    for (bit_length, name) in [
        (1, format!("bin-{:x}", first >> 7)),
        (4, format!("bin-{:x}", first >> 4)),
        (5, format!("bin-{:02x}", first >> 3)),
        (8, format!("bin-{first:02x}")),
    ] {
        finds(bins(bit_length, &name), "x", Some(b"A"), &[&name]);
        refused("a bin that the snapshot does not list", bins(bit_length, "bin-else"), "x");
    }
    let mut stranger = bins(1, &format!("bin-{:x}", first >> 7));
    for (_, signers) in stranger.delegated.values_mut() {
        *signers = by(&[9]);
    }
    refused("a bin that a stranger signs", stranger, "x");
}

/// Metadata of a delegated role are checked like all others: by the keys and the threshold of
/// whoever delegates, and by what the snapshot says.
#[test]
fn delegated_metadata_are_verified() {
    let forge = || Forge::new().delegate("targets", "A", 5, &paths(&["*"])).target("A", "x", b"A");
    finds(forge(), "x", Some(b"A"), &["A"]);
    let signed_by = |signers: &[(String, u8)]| {
        let mut forge = forge();
        forge.delegated.get_mut("A").unwrap().1 = signers.to_vec();
        forge
    };
    refused("nobody", signed_by(&[]), "x");
    refused("a stranger", signed_by(&by(&[9])), "x");
    refused("a stranger under the holder's id", signed_by(&[(id(5), 9)]), "x");
    refused("the key of the top-level targets", signed_by(&by(&[2])), "x");
    refused("the root key", signed_by(&by(&[1])), "x");

    let two_of_three = |signers: &[(String, u8)]| {
        let mut forge = signed_by(signers);
        let delegations = &mut forge.of(Role::Targets)["delegations"];
        delegations["keys"] = json!({id(5): public(5), id(6): public(6), "again": public(5)});
        delegations["roles"][0]["keyids"] = json!([id(5), id(6), "again"]);
        delegations["roles"][0]["threshold"] = json!(2);
        forge
    };
    finds(two_of_three(&by(&[5, 6])), "x", Some(b"A"), &["A"]);
    refused("one less than the threshold", two_of_three(&by(&[6])), "x");
    refused("one key under two ids", two_of_three(&[(id(5), 5), ("again".into(), 5)]), "x");
    let twice = two_of_three(&[(id(5), 5), (id(5), 5), (id(6), 6)]);
    refused("two signatures under one id", twice, "x");

    let kind = |field: &str, value: Value| {
        let mut forge = forge();
        forge.targets_of("A")[field] = value;
        forge
    };
    refused("snapshot metadata", kind("_type", json!("snapshot")), "x");
    let error = find(kind("expires", json!("2029-12-31T23:59:59Z")), "x").found.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Expired);
    assert!(error.to_string().contains("1.A.json"), "{error}");
}

#[test]
fn the_snapshot_says_which_delegated_metadata_are_meant() {
    let forge = || Forge::new().delegate("targets", "A", 5, &paths(&["*"])).target("A", "x", b"A");
    let (honest, wrong) = (forge().files(), Digest::of(b"wrong"));
    let length = honest[&delegated_path("A", 1)].len();
    let listed = |meta: Value| {
        let targets = &honest["metadata/1.targets.json"];
        let top = json!({"version": 1, "length": targets.len(), "hashes": {"sha256": Digest::of(targets)}});
        forge().set(Role::Snapshot, "/meta", json!({"targets.json": top, "A.json": meta}))
    };
    finds(listed(json!({"version": 1})), "x", Some(b"A"), &["A"]);
    finds(listed(json!({"version": 1, "length": length})), "x", Some(b"A"), &["A"]);
    refused("another length", listed(json!({"version": 1, "length": length + 1})), "x");
    refused("a shorter length", listed(json!({"version": 1, "length": length - 1})), "x");
    refused("another hash", listed(json!({"version": 1, "hashes": {"sha256": wrong}})), "x");
    let mut files = listed(json!({"version": 2})).files();
    files.insert(delegated_path("A", 2), honest[&delegated_path("A", 1)].clone());
    let error = seek(&provisioned(&files), &files, &["x"]).found.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Signature, "another version: {error}");

    let mut unlisted = forge();
    unlisted = unlisted.set(Role::Snapshot, "/meta", json!({}));
    let targets = unlisted.sealed(Role::Targets);
    unlisted.of(Role::Snapshot)["meta"]["targets.json"] =
        json!({"version": 1, "length": targets.len(), "hashes": {"sha256": Digest::of(&targets)}});
    let mut files = unlisted.clone().files();
    // The forge lists every role, unless it is told otherwise after the fact.
    unlisted.delegated.clear();
    files.extend(unlisted.files());
    let sought = seek(&provisioned(&files), &files, &["x"]);
    assert_eq!(sought.found.unwrap_err().kind(), TrustErrorKind::Signature);
    assert_eq!(sought.asked, [""; 0], "what is not listed is not fetched");

    let mut files = forge().files();
    files.remove(&delegated_path("A", 1));
    let error = seek(&provisioned(&files), &files, &["x"]).found.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Incomplete, "{error}");
}

/// Two teams may delegate to a third. What it signed with a key that one of them names is nothing
/// by the other's way, also where it is kept already.
#[test]
fn what_is_kept_is_verified_again_for_whoever_delegates() {
    let forge = Forge::new()
        .delegate("targets", "A", 5, &paths(&["a/*"]))
        .delegate("targets", "B", 6, &paths(&["b/*"]))
        .delegate("A", "shared", 7, &paths(&["a/*"]))
        .delegate("B", "shared", 8, &paths(&["b/*"]))
        .target("shared", "a/x", b"A")
        .target("shared", "b/x", b"B");
    let mut files = forge.files();
    files.insert(format!("targets/a/{}.x", Digest::of(b"A")), b"A".to_vec());
    files.insert(format!("targets/b/{}.x", Digest::of(b"B")), b"B".to_vec());
    // In one update, and in one after the other.
    let both = seek(&provisioned(&files), &files, &["a/x", "b/x"]);
    assert_eq!(both.found.unwrap_err().kind(), TrustErrorKind::Signature);
    let first = seek(&provisioned(&files), &files, &["a/x"]);
    assert_eq!(first.found.unwrap().unwrap(), b"A");
    assert_eq!(first.asked, ["A", "shared"]);
    let second = seek(&first.stored, &files, &["b/x"]);
    assert_eq!(second.found.unwrap_err().kind(), TrustErrorKind::Signature);
    // What was kept is not lost by that, and is not fetched again.
    let third = seek(&second.stored, &files, &["a/x"]);
    assert_eq!(third.found.unwrap().unwrap(), b"A");
    assert_eq!(third.asked, [""; 0]);
    // When whoever delegates takes the right away, what is kept is nothing any more.
    let revoked = |n: u8| {
        let mut forge =
            Forge::new().delegate("targets", "A", 5, &paths(&["x"])).target("A", "x", b"A");
        forge = forge.next();
        let delegations = &mut forge.of(Role::Targets)["delegations"];
        delegations["keys"] = json!({id(n): public(n)});
        delegations["roles"][0]["keyids"] = json!([id(n)]);
        forge.delegated_version(1).target("A", "x", b"A")
    };
    let mut before =
        Forge::new().delegate("targets", "A", 5, &paths(&["x"])).target("A", "x", b"A").files();
    before.insert(format!("targets/{}.x", Digest::of(b"A")), b"A".to_vec());
    let kept = seek(&provisioned(&before), &before, &["x"]);
    assert_eq!(kept.found.unwrap().unwrap(), b"A");
    let mut after = revoked(9).files();
    after.insert(format!("targets/{}.x", Digest::of(b"A")), b"A".to_vec());
    let error = seek(&kept.stored, &after, &["x"]).found.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Signature, "{error}");
    let mut same = revoked(5).files();
    same.insert(format!("targets/{}.x", Digest::of(b"A")), b"A".to_vec());
    assert_eq!(seek(&kept.stored, &same, &["x"]).found.unwrap().unwrap(), b"A");
}

/// Nobody makes a gateway go round in circles, or from door to door for ever.
#[test]
fn searches_end() {
    let circle = Forge::new()
        .delegate("targets", "A", 5, &paths(&["*"]))
        .delegate("A", "B", 6, &paths(&["*"]))
        .delegate("B", "A", 5, &paths(&["*"]))
        .delegate("B", "B", 6, &paths(&["*"]));
    finds(circle, "x", None, &["A", "B"]);

    let crowd = |roles: u32| {
        (0..roles).fold(Forge::new(), |forge, n| {
            forge.delegate("targets", &format!("r{n}"), 5, &paths(&["*"]))
        })
    };
    assert!(find(crowd(32), "x").found.unwrap().is_none());
    let too_many = find(crowd(33), "x");
    assert!(matches!(too_many.found, Err(TrustError::TooManyRoles { limit: 32, .. })));
    assert_eq!(too_many.asked.len(), 32);

    let ladder = |steps: u32| {
        let name = |n: u32| if n == 0 { "targets".to_owned() } else { format!("r{n}") };
        (0..steps).fold(Forge::new(), |forge, n| {
            forge.delegate(&name(n), &name(n + 1), 5, &paths(&["*"]))
        })
    };
    assert!(find(ladder(8).target("r8", "x", b"A"), "x").found.unwrap().is_some());
    let too_deep = find(ladder(9).target("r9", "x", b"A"), "x");
    assert!(matches!(too_deep.found, Err(TrustError::TooDeep { limit: 8, .. })));
}

/// Delegations that can be read in two ways, or would take a top-level role's place.
#[test]
fn ambiguous_delegations_are_refused() {
    let malformed = |what: &str, forge: Forge, path: &str| {
        let error = find(forge, path).found.expect_err(what);
        assert!(matches!(error, TrustError::Metadata { .. }), "{what}: {error}");
    };
    let with = |field: &str, value: Value| {
        let mut forge = Forge::new().delegate("targets", "A", 5, &paths(&["*"]));
        forge.of(Role::Targets)["delegations"]["roles"][0][field] = value;
        forge
    };
    for name in ["", "root", "timestamp", "snapshot", "targets"] {
        malformed(name, with("name", json!(name)), "x");
    }
    malformed("a name that makes no file", with("name", json!("x".repeat(201))), "x");
    malformed("no threshold", with("threshold", json!(0)), "x");
    malformed("an id twice", with("keyids", json!([id(5), id(5)])), "x");
    malformed("both kinds of paths", with("path_hash_prefixes", json!(["0"])), "x");
    malformed("neither kind", with("paths", Value::Null), "x");
    malformed("not said whether it ends", with("terminating", Value::Null), "x");
    let twice = Forge::new().delegate("targets", "A", 5, &paths(&["*"])).delegate(
        "targets",
        "A",
        6,
        &paths(&["*"]),
    );
    malformed("a role twice", twice, "x");
    let succinct = |more: Value| {
        let mut forge = Forge::new();
        let mut roles =
            json!({"keyids": [id(5)], "threshold": 1, "bit_length": 1, "name_prefix": "bin"});
        roles.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        forge.of(Role::Targets)["delegations"] = json!({"keys": {}, "succinct_roles": roles});
        forge
    };
    malformed("no bin", succinct(json!({"bit_length": 0})), "x");
    malformed("more bins than a hash has", succinct(json!({"bit_length": 33})), "x");
    let mut both = succinct(json!({}));
    both.of(Role::Targets)["delegations"]["roles"] = json!([]);
    malformed("both kinds of roles", both, "x");
    let mut neither = Forge::new();
    neither.of(Role::Targets)["delegations"] = json!({"keys": {}});
    malformed("neither kind of roles", neither, "x");
}

/// A role can have any name, and its file has a safe one.
#[test]
fn names_lead_nowhere_else() {
    for (name, encoded) in [
        ("../../../etc/cron.d/x", "..%2F..%2F..%2Fetc%2Fcron.d%2Fx"),
        ("%2e%2e%2fx", "%252e%252e%252fx"),
        ("/", "%2F"),
    ] {
        let forge =
            Forge::new().delegate("targets", name, 5, &paths(&["*"])).target(name, "x", b"A");
        finds(forge, "x", Some(b"A"), &[encoded]);
    }
}
