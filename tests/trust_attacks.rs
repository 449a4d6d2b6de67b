//! What a gateway refuses although the repository is internally consistent: one row an attack.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::{Value, json};
use support::forge::{ECDSA, Forge, NOW, by, id, mirrored, provisioned, public, update};
use tieline::tuf::{Role, TrustErrorKind};

const SIGNED_ROLES: [Role; 4] = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];

/// The number of the key that holds a role.
fn holder(role: Role) -> u8 {
    match role {
        Role::Root => 1,
        Role::Targets => 2,
        Role::Snapshot => 3,
        Role::Timestamp => 4,
    }
}

/// What a gateway says to the repository: `None` if it accepts it.
fn verdict(forge: Forge) -> Option<TrustErrorKind> {
    let files = forge.files();
    update(&provisioned(&files), &files, NOW).release.err().map(|error| error.kind())
}

#[track_caller]
fn refused(what: &str, forge: Forge, kind: TrustErrorKind) {
    assert_eq!(verdict(forge), Some(kind), "{what}");
}

/// Every other test here is worth something only because this passes.
#[test]
fn an_honest_release_is_accepted() {
    let files = Forge::new().files();
    let updated = update(&provisioned(&files), &files, NOW);
    let release = updated.release.unwrap();
    assert_eq!(release.number(), 1);
    assert_eq!(release.mesh().unwrap().as_str(), "test");
    for gateway in ["perth", "sydney"] {
        let target = release.target(&gateway.parse().unwrap()).unwrap();
        let request = target.request();
        let bytes = files[&request.path].clone();
        assert_eq!(request.limit, bytes.len() as u64);
        let bundle = target.accept(bytes.clone()).unwrap();
        assert_eq!((bundle.release(), bundle.bytes()), (1, bytes.as_slice()));
        assert_eq!(bundle.unpack().unwrap().0.gateway.as_str(), gateway);
    }
    // What is kept is, byte for byte, what was served.
    for (role, path) in [
        (Role::Root, "metadata/1.root.json"),
        (Role::Timestamp, "metadata/timestamp.json"),
        (Role::Snapshot, "metadata/1.snapshot.json"),
        (Role::Targets, "metadata/1.targets.json"),
    ] {
        assert_eq!(updated.stored.get(role), Some(files[path].as_slice()), "{role}");
    }
}

#[test]
fn signed_by_a_stranger() {
    for role in SIGNED_ROLES {
        refused("unknown key", Forge::new().signed_by(role, &by(&[9])), TrustErrorKind::Signature);
        let other = holder(role) % 4 + 1;
        refused(
            "key of another role",
            Forge::new().signed_by(role, &by(&[other])),
            TrustErrorKind::Signature,
        );
        let pretended = [(id(holder(role)), 9)];
        refused(
            "unknown key under the holder's id",
            Forge::new().signed_by(role, &pretended),
            TrustErrorKind::Signature,
        );
        refused("nobody", Forge::new().signed_by(role, &[]), TrustErrorKind::Signature);
    }
}

/// Two of three must sign: keys 11, 12 and 13.
fn two_of_three(role: Role) -> Forge {
    let mut forge = Forge::new();
    for n in [11, 12, 13] {
        forge = forge.set(Role::Root, &format!("/keys/{}", id(n)), public(n));
    }
    let holders = json!({"keyids": [id(11), id(12), id(13)], "threshold": 2});
    forge.set(Role::Root, &format!("/roles/{role}"), holders)
}

#[test]
fn threshold() {
    for role in SIGNED_ROLES {
        let signed_by = |signers: &[(String, u8)]| two_of_three(role).signed_by(role, signers);
        for enough in [&[11, 12][..], &[13, 11], &[11, 12, 13], &[11, 9, 12]] {
            assert_eq!(verdict(signed_by(&by(enough))), None, "{role} {enough:?}");
        }
        for (what, signers) in [
            ("one less", by(&[11])),
            ("the same key twice", by(&[11, 11])),
            ("one key under two ids of the role", vec![(id(11), 11), (id(12), 11)]),
            ("one of them a stranger", by(&[11, 9])),
            ("one of them a key of another role", by(&[11, holder(role)])),
        ] {
            refused(what, signed_by(&signers), TrustErrorKind::Signature);
        }
    }
}

/// ECDSA keys hold roles like ed25519 keys, also beside them.
#[test]
fn keys_of_two_kinds() {
    let (one, two) = (ECDSA, ECDSA + 1);
    for role in SIGNED_ROLES {
        let n = holder(role);
        let held = |threshold: u64| {
            let mut forge = Forge::new();
            for key in [one, two] {
                forge = forge.set(Role::Root, &format!("/keys/{}", id(key)), public(key));
            }
            forge = forge.set(Role::Root, "/keys/nickname", public(one));
            let ids = [id(n), id(one), id(two), "nickname".to_owned()];
            let holders = json!({"keyids": ids, "threshold": threshold});
            forge.set(Role::Root, &format!("/roles/{role}"), holders)
        };
        let signed = |threshold, keys: &[u8]| held(threshold).signed_by(role, &by(keys));
        for (threshold, enough) in
            [(1, &[one][..]), (2, &[one, two]), (2, &[n, one]), (3, &[n, one, two])]
        {
            assert_eq!(verdict(signed(threshold, enough)), None, "{role} {enough:?}");
        }
        for (what, forge) in [
            ("a stranger", signed(1, &[ECDSA + 2])),
            ("one less", signed(3, &[n, one])),
            ("a stranger under the id of a holder", held(1).signed_by(role, &[(id(one), two)])),
            (
                "one key under two ids",
                held(2).signed_by(role, &[(id(one), one), ("nickname".into(), one)]),
            ),
        ] {
            refused(what, forge, TrustErrorKind::Signature);
        }
        // Whoever sees an ECDSA signature can make a second one of it. It is by the same key.
        let mut twice = held(2).signed_by(role, &[(id(one), one), ("nickname".into(), one)]);
        twice.after.insert(role, |mut file| {
            let signed = serde_json::to_string(&file["signed"]).unwrap().replace("\\n", "\n");
            file["signatures"][1]["sig"] = mirrored(ECDSA, signed.as_bytes()).into();
            file
        });
        refused("one signature in two forms", twice, TrustErrorKind::Signature);
        let mut mirror = held(1).signed_by(role, &by(&[one]));
        mirror.after.insert(role, |mut file| {
            let signed = serde_json::to_string(&file["signed"]).unwrap().replace("\\n", "\n");
            file["signatures"][0]["sig"] = mirrored(ECDSA, signed.as_bytes()).into();
            file
        });
        assert_eq!(verdict(mirror), None, "either form is good by itself");
    }
}

/// Key ids are opaque: root may list one key under two. It is still one key.
#[test]
fn one_key_under_two_ids_counts_once() {
    for role in SIGNED_ROLES {
        let two_names = |threshold: u64| {
            let n = holder(role);
            Forge::new()
                .set(Role::Root, "/keys/nickname", public(n))
                .set(
                    Role::Root,
                    &format!("/roles/{role}"),
                    json!({"keyids": [id(n), "nickname"], "threshold": threshold}),
                )
                .signed_by(role, &[(id(n), n), ("nickname".to_owned(), n)])
        };
        assert_eq!(verdict(two_names(1)), None, "{role}: any id will do");
        refused("two names", two_names(2), TrustErrorKind::Signature);
    }
}

#[test]
fn keys_of_unknown_kinds_count_for_nothing() {
    for role in SIGNED_ROLES {
        for (field, value) in [
            ("keytype", json!("ed448")),
            ("scheme", json!("ed25519ph")),
            ("scheme", json!("ED25519")),
            ("keyval", json!({"public": "00"})),
            ("keyval", json!({"public": ""})),
            ("keyval", json!({"public": 1})),
            ("keyval", json!({"identity": "somebody"})),
        ] {
            let pointer = format!("/keys/{}/{field}", id(holder(role)));
            refused(
                field,
                Forge::new().set(Role::Root, &pointer, value),
                TrustErrorKind::Signature,
            );
        }
    }
    // Nor do they harm the others.
    let more = Forge::new()
        .set(
            Role::Root,
            "/keys/rsa",
            json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": "PEM"}}),
        )
        .set(Role::Root, "/roles/targets/keyids", json!(["rsa", id(2)]));
    assert_eq!(verdict(more), None);
}

#[test]
fn metadata_that_are_not_what_they_should_be() {
    for role in SIGNED_ROLES {
        for (pointer, value) in [
            ("/_type", json!("mirrors")),
            ("/_type", json!(if role == Role::Root { "targets" } else { "root" })),
            ("/_type", Value::Null),
            ("/spec_version", json!("2.0.0")),
            ("/spec_version", json!("1")),
            ("/spec_version", json!("1.0.31-x")),
            ("/spec_version", json!(1)),
            ("/version", json!(0)),
            ("/version", json!(-1)),
            ("/version", json!("1")),
            ("/version", json!(1.0)),
            ("/version", json!(9_007_199_254_740_992_u64)),
            ("/expires", json!("2031-01-01")),
            ("/expires", json!("2031-01-01T00:00:00+00:00")),
            ("/expires", json!(1_924_992_000)),
        ] {
            let files = with_raw(&Forge::new(), role, pointer, &value);
            let result = update(&provisioned(&files), &files, NOW).release;
            let kind = result.err().map(|error| error.kind());
            assert_eq!(kind, Some(TrustErrorKind::Signature), "{role} {pointer} {value}");
        }
    }
}

/// The repository with one field of one role changed, signed and described as it should be, the
/// files under the names they had.
fn with_raw(forge: &Forge, role: Role, pointer: &str, value: &Value) -> support::forge::Files {
    let mut files = forge.clone().files();
    let bent = forge.clone().set(role, pointer, value.clone());
    // Fill in what describes other files, as `files` does.
    let mut signed = bent.signed[&role].clone();
    if role != Role::Root && role != Role::Targets {
        let name = if role == Role::Snapshot { "1.snapshot.json" } else { "timestamp.json" };
        let honest: Value = serde_json::from_slice(&files[&format!("metadata/{name}")]).unwrap();
        signed["meta"] = honest["signed"]["meta"].clone();
    }
    let bytes = support::forge::seal(&signed, &forge.signers[&role]);
    let describe = |bytes: &[u8]| json!({"version": 1, "length": bytes.len(), "hashes": {"sha256": tieline::primitives::Digest::of(bytes)}});
    match role {
        Role::Root => drop(files.insert("metadata/1.root.json".to_owned(), bytes)),
        Role::Timestamp => drop(files.insert("metadata/timestamp.json".to_owned(), bytes)),
        Role::Snapshot => {
            let meta = json!({"snapshot.json": describe(&bytes)});
            let timestamp = forge.clone().set(Role::Timestamp, "/meta", meta);
            files.insert("metadata/timestamp.json".to_owned(), timestamp.sealed(Role::Timestamp));
            files.insert("metadata/1.snapshot.json".to_owned(), bytes);
        }
        Role::Targets => {
            let meta = json!({"targets.json": describe(&bytes)});
            let rest = forge.clone().set(Role::Snapshot, "/meta", meta);
            let mut rest = rest.files();
            rest.insert("metadata/1.targets.json".to_owned(), bytes);
            files = rest;
        }
    }
    files
}

/// Fields that nobody knows are allowed, and signed like all others.
#[test]
fn unknown_fields_are_signed_too() {
    for role in SIGNED_ROLES {
        let with = |value: Value| Forge::new().set(role, "/x-unknown", value);
        assert_eq!(verdict(with(json!({"deep": ["er", 1, null, true]}))), None, "{role}");
        let mut forge = with(json!("signed"));
        forge.after.insert(role, |mut file| {
            file["signed"]["x-unknown"] = json!("changed");
            file
        });
        refused("changed", forge, TrustErrorKind::Signature);
        let mut forge = with(json!("signed"));
        forge.after.insert(role, |mut file| {
            file["signed"].as_object_mut().unwrap().remove("x-unknown");
            file
        });
        refused("removed", forge, TrustErrorKind::Signature);
    }
}

#[test]
fn roles_that_nobody_could_check() {
    for (what, pointer, value) in [
        ("no threshold", "/roles/targets/threshold", json!(0)),
        ("negative threshold", "/roles/targets/threshold", json!(-1)),
        ("an id twice", "/roles/targets/keyids", json!([id(2), id(2)])),
        ("no key", "/roles/targets/keyids", json!([])),
        ("an id without a key", "/roles/targets/keyids", json!(["nobody"])),
        ("no role", "/roles", json!({})),
        ("no keys", "/keys", json!({})),
        ("no word on consistent snapshots", "/consistent_snapshot", Value::Null),
    ] {
        refused(what, Forge::new().set(Role::Root, pointer, value), TrustErrorKind::Signature);
    }
}

/// A role that nobody knows gives nobody a right, and takes none away.
#[test]
fn unknown_roles_are_nothing() {
    let more = json!({"keyids": [id(9)], "threshold": 1});
    let forge = || {
        Forge::new().set(Role::Root, &format!("/keys/{}", id(9)), public(9)).set(
            Role::Root,
            "/roles/mirrors",
            more.clone(),
        )
    };
    assert_eq!(verdict(forge()), None);
    for role in SIGNED_ROLES {
        refused("mirrors", forge().signed_by(role, &by(&[9])), TrustErrorKind::Signature);
    }
}

/// Metadata of one release with those of another, each rightly signed.
#[test]
fn mixed_releases() {
    let (one, two) = (Forge::new().files(), Forge::new().next().files());
    let renamed = |file: &str| {
        // The older file under the newer name, or the other way round.
        let mut mixed = two.clone();
        mixed.insert(format!("metadata/2.{file}"), one[&format!("metadata/1.{file}")].clone());
        mixed
    };
    for file in ["snapshot.json", "targets.json"] {
        let files = renamed(file);
        let error = update(&provisioned(&files), &files, NOW).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature, "{file}: {error}");
    }
    // Without hashes and lengths, which the specification allows, versions still tell.
    let bare = |forge: Forge| {
        forge
            .clone()
            .set(
                Role::Snapshot,
                "/meta",
                json!({"targets.json": {"version": forge.version(Role::Targets)}}),
            )
            .set(
                Role::Timestamp,
                "/meta",
                json!({"snapshot.json": {"version": forge.version(Role::Snapshot)}}),
            )
    };
    let (one, two) = (bare(Forge::new()).files(), bare(Forge::new().next()).files());
    assert_eq!(update(&provisioned(&two), &two, NOW).release.unwrap().number(), 2);
    for file in ["snapshot.json", "targets.json"] {
        let mut files = two.clone();
        files.insert(format!("metadata/2.{file}"), one[&format!("metadata/1.{file}")].clone());
        let error = update(&provisioned(&files), &files, NOW).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature, "{file}: {error}");
    }
    // A bundle of the other release.
    let (one, two) = (Forge::new().files(), Forge::new().next().files());
    let release = update(&provisioned(&two), &two, NOW).release.unwrap();
    let older = update(&provisioned(&one), &one, NOW).release.unwrap();
    let perth = "perth".parse().unwrap();
    let bytes = one[&older.target(&perth).unwrap().request().path].clone();
    let error = release.target(&perth).unwrap().accept(bytes).unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::BadBundle);
}

#[test]
fn files_that_are_missing_are_no_reason_to_trust() {
    let whole = Forge::new().files();
    for path in ["metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.targets.json"] {
        let mut files = whole.clone();
        files.remove(path);
        let error = update(&provisioned(&files), &files, NOW).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Incomplete, "{path}");
        assert!(error.to_string().contains(path), "{error}");
    }
}
