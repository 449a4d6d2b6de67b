//! What each stolen key is good for, and how it is taken out of use: a test a row of the table in
//! SECURITY.md, where no other test file is named there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::json;
use support::forge::{EXPIRES, Files, Forge, NOW, accepted, by, id, provisioned, public, update};
use tieline::tuf::{Role, Stored, TrustErrorKind};

/// Another release than the honest one, made by a thief who has these keys; all else is signed with
/// a key that nobody knows.
fn thief(keys: &[Role]) -> Forge {
    let mut forge = Forge::new().next();
    for (role, n) in [(Role::Targets, 2), (Role::Snapshot, 3), (Role::Timestamp, 4)] {
        let signer = if keys.contains(&role) { n } else { 9 };
        forge = forge.signed_by(role, &by(&[signer]));
    }
    forge
}

/// A gateway that has seen release 1.
fn gateway() -> Stored {
    let files = Forge::new().files();
    accepted(&provisioned(&files), &files).1
}

/// Honest release 2, after the root holders gave `role` to another key.
fn replaced(role: Role, version: u64) -> Files {
    Forge::new()
        .next()
        .set(Role::Timestamp, "/version", version.into())
        .next_root()
        .set(Role::Root, &format!("/keys/{}", id(40)), public(40))
        .set(Role::Root, &format!("/roles/{role}/keyids"), json!([id(40)]))
        .signed_by(role, &by(&[40]))
        .files()
}

/// No two of the three release no bundle.
#[test]
fn a_release_takes_all_three_keys() {
    let all = [Role::Targets, Role::Snapshot, Role::Timestamp];
    assert_eq!(accepted(&gateway(), &thief(&all).files()).0, 2, "the test would else show nothing");
    for missing in all {
        let keys: Vec<_> = all.into_iter().filter(|role| *role != missing).collect();
        let updated = update(&gateway(), &thief(&keys).files(), NOW);
        assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Signature, "{missing}");
    }
}

/// A stolen targets key is replaced, and what it signed counts for nothing.
#[test]
fn a_stolen_targets_key_is_replaced() {
    let files = replaced(Role::Targets, 2);
    let (number, stored) = accepted(&gateway(), &files);
    assert_eq!(number, 2);
    // Even with the help of whoever serves, and of honest snapshot and timestamp keys.
    let old = Forge::new().next().next();
    let root = files["metadata/2.root.json"].clone();
    let mut served = old.files();
    served.insert("metadata/2.root.json".to_owned(), root);
    let updated = update(&stored, &served, NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Signature);
}

/// With the timestamp key a thief can hold gateways on what they have, as long as that is valid, and
/// make version numbers high. New keys end both.
#[test]
fn a_stolen_timestamp_key_withholds_and_is_replaced() {
    let far = json!("9999-01-01T00:00:00Z");
    let frozen = Forge::new()
        .set(Role::Timestamp, "/version", 1_000_000_000.into())
        .set(Role::Timestamp, "/expires", far)
        .files();
    let (number, stored) = accepted(&gateway(), &frozen);
    assert_eq!(number, 1, "nothing but what was there");
    // The other metadata still expire, and so end it, if nobody else does.
    let error = update(&stored, &frozen, EXPIRES).release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Expired);
    // The honest release has a lower number, and is behind until the key is replaced.
    let honest = Forge::new().next().files();
    let error = update(&stored, &honest, NOW).release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Rollback);
    assert_eq!(accepted(&stored, &replaced(Role::Timestamp, 2)).0, 2);
}

/// The snapshot key on top of it makes no older release of it.
#[test]
fn stolen_timestamp_and_snapshot_keys_bring_nothing_back() {
    let two = Forge::new().next();
    let (_, stored) = accepted(&gateway(), &two.clone().files());
    let one = Forge::new();
    let old_targets = one.sealed(Role::Targets);
    let meta = json!({"targets.json": {"version": 1, "length": old_targets.len()}});
    let back = one
        .set(Role::Snapshot, "/version", 3.into())
        .set(Role::Snapshot, "/meta", meta)
        .set(Role::Timestamp, "/version", 3.into())
        .files();
    let error = update(&stored, &back, NOW).release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Rollback);
    assert_eq!(accepted(&stored, &replaced(Role::Snapshot, 2)).0, 2);
}

/// Root keys at the threshold are the mesh. What is left is to provision gateways anew, by hand; then
/// nothing of the thief's counts.
#[test]
fn stolen_root_keys_need_a_new_root_on_every_gateway() {
    let stolen = Forge::new()
        .next_root()
        .set(Role::Root, &format!("/keys/{}", id(50)), public(50))
        .set(Role::Root, "/roles/root/keyids", json!([id(50)]))
        .set(Role::Root, "/roles/targets/keyids", json!([id(50)]))
        .signed_by(Role::Root, &by(&[1, 50]))
        .signed_by(Role::Targets, &by(&[50]));
    let files = stolen.next().files();
    let (number, taken) = accepted(&gateway(), &files);
    assert_eq!(number, 2, "the thief is obeyed");
    // The holders cannot take it back: their root 3 does not follow the thief's root 2.
    let honest = Forge::new().next().next().next_root().next_root().files();
    let error = update(&taken, &honest, NOW).release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Signature);
    // New root, new keys: copied to the gateway, with its metadata removed.
    let mut fresh = Forge::new().set(Role::Root, "/keys", json!({}));
    for (role, n) in
        [(Role::Root, 61), (Role::Targets, 62), (Role::Snapshot, 63), (Role::Timestamp, 64)]
    {
        fresh = fresh
            .set(Role::Root, &format!("/keys/{}", id(n)), public(n))
            .set(Role::Root, &format!("/roles/{role}/keyids"), json!([id(n)]))
            .signed_by(role, &by(&[n]));
    }
    let fresh = fresh.files();
    let (number, stored) = accepted(&provisioned(&fresh), &fresh);
    assert_eq!(number, 1);
    let error = update(&stored, &files, NOW).release.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Signature);
}
