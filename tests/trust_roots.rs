//! The chain of roots: who may change whom gateways trust.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::json;
use support::forge::{Files, Forge, NOW, accepted, by, id, provisioned, public, update};
use tieline::tuf::{Limits, Role, Stored, TrustErrorKind, Update};

/// Root 2 gives the root role to key 31.
fn rotated(signers: &[u8]) -> Files {
    Forge::new()
        .next_root()
        .set(Role::Root, &format!("/keys/{}", id(31)), public(31))
        .set(Role::Root, "/roles/root/keyids", json!([id(31)]))
        .signed_by(Role::Root, &by(signers))
        .files()
}

#[track_caller]
fn refused(files: &Files, kind: TrustErrorKind) {
    let stored = provisioned(files);
    let updated = update(&stored, files, NOW);
    assert_eq!(updated.release.unwrap_err().kind(), kind);
    assert_eq!(updated.stored, stored, "the old root stays");
}

#[test]
fn old_and_new_holders_must_both_sign() {
    let files = rotated(&[1, 31]);
    let (_, stored) = accepted(&provisioned(&files), &files);
    assert_eq!(stored.root, files["metadata/2.root.json"]);
    for signers in [&[1][..], &[31], &[], &[2], &[31, 31], &[1, 1], &[31, 2]] {
        refused(&rotated(signers), TrustErrorKind::Signature);
    }
}

/// Thresholds of both count: from 2 of {1, 32, 33} to 2 of {33, 34, 35}.
#[test]
fn thresholds_of_both_versions_count() {
    let grown = |signers: &[u8]| {
        let mut forge = Forge::new();
        for n in 32..=35 {
            forge = forge.set(Role::Root, &format!("/keys/{}", id(n)), public(n));
        }
        let holders = |ids: [u8; 3]| json!({"keyids": ids.map(id), "threshold": 2});
        forge
            .set(Role::Root, "/roles/root", holders([1, 32, 33]))
            .signed_by(Role::Root, &by(&[1, 32]))
            .next_root()
            .set(Role::Root, "/roles/root", holders([33, 34, 35]))
            .signed_by(Role::Root, &by(signers))
            .files()
    };
    let files = grown(&[1, 33, 34]);
    assert_eq!(accepted(&provisioned(&files), &files).0, 1);
    let files = grown(&[1, 32, 34, 35]);
    assert_eq!(accepted(&provisioned(&files), &files).0, 1);
    for signers in [&[1, 32, 33][..], &[33, 34, 35], &[1, 34, 35], &[33], &[1, 33]] {
        refused(&grown(signers), TrustErrorKind::Signature);
    }
}

#[test]
fn a_revoked_key_no_longer_counts() {
    let revoked = |signer| {
        Forge::new()
            .next_root()
            .set(Role::Root, &format!("/keys/{}", id(22)), public(22))
            .set(Role::Root, "/roles/targets/keyids", json!([id(22)]))
            .signed_by(Role::Targets, &by(&[signer]))
            .files()
    };
    let files = revoked(22);
    assert_eq!(accepted(&provisioned(&files), &files).0, 1);
    let files = revoked(2);
    let updated = update(&provisioned(&files), &files, NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Signature);
    // That the release is refused does not undo the revocation.
    assert_eq!(updated.stored.root, files["metadata/2.root.json"]);
}

#[test]
fn no_version_is_skipped_or_repeated() {
    let chain = Forge::new().next_root().next_root().files();
    let stored = provisioned(&chain);
    assert_eq!(accepted(&stored, &chain).1.root, chain["metadata/3.root.json"]);
    for (served, kind) in [(3, TrustErrorKind::Signature), (1, TrustErrorKind::Rollback)] {
        let mut files = chain.clone();
        files.insert(
            "metadata/2.root.json".to_owned(),
            chain[&format!("metadata/{served}.root.json")].clone(),
        );
        let updated = update(&stored, &files, NOW);
        assert_eq!(updated.release.unwrap_err().kind(), kind, "root {served} as root 2");
        assert_eq!(updated.stored, stored);
    }
    // Without 2 there is no way to 3.
    let mut files = chain.clone();
    files.remove("metadata/2.root.json");
    assert_eq!(accepted(&stored, &files).1.root, chain["metadata/1.root.json"]);
}

/// However far behind a gateway is, and also in several steps where the chain is very long.
#[test]
fn long_chains_are_followed() {
    let mut forge = Forge::new();
    for _ in 0..300 {
        forge = forge.next_root();
    }
    let files = forge.files();
    let limit = Limits::GATEWAY.roots as usize;
    assert!(limit < 300, "or this tests nothing");
    let first = update(&provisioned(&files), &files, NOW);
    assert_eq!(first.stored.root, files[&format!("metadata/{}.root.json", limit + 1)]);
    let second = update(&first.stored, &files, NOW);
    assert_eq!(second.release.unwrap().number(), 1);
    assert_eq!(second.stored.root, files["metadata/301.root.json"]);
}

/// Only the last root of a chain has to be valid still.
#[test]
fn roots_in_between_may_have_expired() {
    let expired = json!("2029-01-01T00:00:00Z");
    let chain = Forge::new()
        .set(Role::Root, "/expires", expired.clone())
        .next_root()
        .next_root()
        .set(Role::Root, "/expires", json!(support::forge::EXPIRES))
        .files();
    assert_eq!(accepted(&provisioned(&chain), &chain).0, 1);
    let end = Forge::new().next_root().set(Role::Root, "/expires", expired).files();
    let updated = update(&provisioned(&end), &end, NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Expired);
}

/// Without a trusted root nothing is accepted.
#[test]
fn no_root_no_trust() {
    let files = Forge::new().files();
    let root = String::from_utf8(files["metadata/1.root.json"].clone()).unwrap();
    let unsigned = serde_json::to_vec(&json!({"signatures": [], "signed": {}})).unwrap();
    let by_a_stranger = Forge::new().signed_by(Role::Root, &by(&[9])).sealed(Role::Root);
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("not JSON", b"root".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("no signature", unsigned),
        ("a stranger's signature", by_a_stranger),
        ("another role's metadata", files["metadata/timestamp.json"].clone()),
        ("half a root", root.as_bytes()[..root.len() / 2].to_vec()),
        ("two roots", root.repeat(2).into_bytes()),
        (
            "a root with a key twice",
            root.replacen("\"signed\":", "\"signed\":{},\"signed\":", 1).into_bytes(),
        ),
    ] {
        let error =
            Update::start(Stored::provisioned(bytes), support::forge::time(NOW)).unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature, "{what}: {error}");
        assert!(error.to_string().contains("root"), "{what}: {error}");
    }
}
