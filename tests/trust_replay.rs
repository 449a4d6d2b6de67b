//! A gateway never goes back: older releases, replayed metadata, lost state, and the one way out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::json;
use support::forge::{Files, Forge, NOW, accepted, by, id, provisioned, public, update};
use tieline::tuf::{Role, Stored, TrustErrorKind};

/// Releases 1, 2 and 3, and a gateway that has seen the last.
fn seen_three() -> ([Files; 3], Stored) {
    let one = Forge::new();
    let two = one.clone().next();
    let three = two.clone().next();
    let releases = [one, two, three].map(Forge::files);
    let mut stored = provisioned(&releases[0]);
    for (n, files) in releases.iter().enumerate() {
        let (number, now) = accepted(&stored, files);
        assert_eq!(number, n as u64 + 1);
        stored = now;
    }
    (releases, stored)
}

#[track_caller]
fn goes_back(stored: &Stored, files: &Files) {
    let updated = update(stored, files, NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Rollback);
    assert_eq!(updated.stored, *stored, "what is trusted has not changed");
}

#[test]
fn an_older_release_is_refused() {
    let ([one, two, three], stored) = seen_three();
    goes_back(&stored, &one);
    goes_back(&stored, &two);
    assert_eq!(accepted(&stored, &three).0, 3, "the same again is fine");
}

/// Whatever is left of what was trusted still protects.
#[test]
fn also_after_part_of_the_state_was_lost() {
    let ([one, two, _], stored) = seen_three();
    for lost in 1..7 {
        let keep =
            |bit: u32, bytes: &Option<Vec<u8>>| bytes.clone().filter(|_| lost >> bit & 1 == 0);
        let left = Stored {
            root: stored.root.clone(),
            timestamp: keep(0, &stored.timestamp),
            snapshot: keep(1, &stored.snapshot),
            targets: keep(2, &stored.targets),
            delegated: stored.delegated.clone(),
        };
        for older in [&one, &two] {
            let updated = update(&left, older, NOW);
            let error = updated.release.expect_err("something is left");
            assert_eq!(error.kind(), TrustErrorKind::Rollback, "{lost:03b}: {error}");
        }
    }
}

/// Damage on the disk makes a gateway forget, never trust, and the next update heals it.
#[test]
fn damaged_state_is_forgotten_and_fetched_again() {
    let ([.., three], stored) = seen_three();
    let bent = |bytes: &Option<Vec<u8>>| {
        let mut bytes = bytes.clone().unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    let damaged = [
        Stored { timestamp: bent(&stored.timestamp), ..stored.clone() },
        Stored { snapshot: bent(&stored.snapshot), ..stored.clone() },
        Stored { targets: bent(&stored.targets), ..stored.clone() },
        Stored { targets: Some(Vec::new()), snapshot: Some(b"{}".to_vec()), ..stored.clone() },
    ];
    for damaged in damaged {
        let (number, healed) = accepted(&damaged, &three);
        assert_eq!((number, healed), (3, stored.clone()));
    }
}

/// A signature of today over something older: each number by itself must not go back.
#[test]
fn no_single_number_goes_back() {
    let two = Forge::new().next();
    let (_, stored) = accepted(&provisioned(&Forge::new().files()), &two.clone().files());
    let version = |forge: Forge, role, version: u64| forge.set(role, "/version", version.into());
    let three = two.next();
    goes_back(&stored, &version(three.clone(), Role::Timestamp, 1).files());
    goes_back(&stored, &version(three.clone(), Role::Snapshot, 1).files());
    // The timestamp was honest, and stays; the targets were not.
    let updated = update(&stored, &version(three, Role::Targets, 1).files(), NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Rollback);
    assert_eq!(updated.stored.targets, stored.targets);
}

/// The same where only the one or the other witness of the snapshot's version is left.
#[test]
fn the_snapshot_does_not_go_back_whoever_remembers_it() {
    let two = Forge::new().next();
    let (_, stored) = accepted(&provisioned(&Forge::new().files()), &two.clone().files());
    let back = two.next().set(Role::Snapshot, "/version", 1.into()).files();
    let by_timestamp = Stored { snapshot: None, ..stored.clone() };
    let by_snapshot = Stored { timestamp: None, ..stored };
    for witness in [by_timestamp, by_snapshot] {
        goes_back(&witness, &back);
    }
}

/// What a snapshot or targets file is called and says, but not the file that was described: two
/// files of one version, both rightly signed.
#[test]
fn a_second_file_of_the_same_version_is_not_the_first() {
    let honest = Forge::new().files();
    for role in [Role::Snapshot, Role::Targets] {
        let path = format!("metadata/1.{}", role.file_name());
        let twin = Forge::new().set(role, "/x-twin", json!(true)).files();
        let mut files = honest.clone();
        files.insert(path.clone(), twin[&path].clone());
        let error = update(&provisioned(&files), &files, NOW).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature, "{path}: {error}");
        // Nor is the one that is stored taken for the other.
        let (_, stored) = accepted(&provisioned(&twin), &twin);
        let renewed = Forge::new().set(Role::Timestamp, "/version", 2.into()).files();
        let updated = update(&stored, &renewed, NOW);
        assert!(updated.release.is_ok());
        assert!(updated.asked.contains(&path), "{path} is fetched");
        assert_eq!(updated.stored.get(role), Some(honest[&path].as_slice()));
    }
}

/// Versions alone, as the specification allows: no lengths, no hashes.
fn bare(forge: Forge) -> Forge {
    let meta = |file: &str, version: u64| json!({file: {"version": version}});
    let (targets, snapshot) = (forge.version(Role::Targets), forge.version(Role::Snapshot));
    forge.set(Role::Snapshot, "/meta", meta("targets.json", targets)).set(
        Role::Timestamp,
        "/meta",
        meta("snapshot.json", snapshot),
    )
}

/// What is on the disk is verified like anything else: somebody may have written there.
#[test]
fn forged_state_is_not_trusted() {
    let honest = bare(Forge::new().next()).files();
    let (_, stored) = accepted(&provisioned(&honest), &honest);
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        for version in [2, 1000] {
            let forged = bare(Forge::new().next())
                .set(role, "/version", version.into())
                .set(role, "/x-forged", json!(true))
                .signed_by(role, &by(&[9]))
                .sealed(role);
            let mut bent = stored.clone();
            match role {
                Role::Timestamp => bent.timestamp = Some(forged),
                Role::Snapshot => bent.snapshot = Some(forged),
                _ => bent.targets = Some(forged),
            }
            assert_eq!(accepted(&bent, &honest), (2, stored.clone()), "{role} {version}");
        }
    }
}

/// Metadata that expired on the disk are replaced by the same version, signed anew.
#[test]
fn expired_state_is_fetched_again() {
    let later = "2030-06-01T00:00:00Z";
    for role in [Role::Snapshot, Role::Targets] {
        let short = bare(Forge::new()).set(role, "/expires", json!("2030-02-01T00:00:00Z")).files();
        let (_, stored) = accepted(&provisioned(&short), &short);
        let renewed = bare(Forge::new()).set(Role::Timestamp, "/version", 2.into()).files();
        let updated = update(&stored, &renewed, later);
        assert_eq!(updated.release.unwrap().number(), 1, "{role}");
        // And where it was not signed anew, it stays expired.
        let error = update(&stored, &short, later).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Expired, "{role}");
    }
}

/// Metadata that a snapshot named before cannot vanish from the next.
#[test]
fn no_metadata_vanish() {
    let with_delegation = Forge::new();
    let targets = with_delegation.sealed(Role::Targets);
    let meta = json!({
        "targets.json": {"version": 1, "length": targets.len()},
        "branch.json": {"version": 7},
    });
    let (_, stored) = accepted(
        &provisioned(&with_delegation.clone().files()),
        &with_delegation.clone().set(Role::Snapshot, "/meta", meta).files(),
    );
    let next = Forge::new().next();
    let meta = |branch: &serde_json::Value| {
        let mut meta = json!({"targets.json": {"version": 2}});
        if !branch.is_null() {
            meta["branch.json"] = branch.clone();
        }
        meta
    };
    let next = |branch| next.clone().set(Role::Snapshot, "/meta", meta(&branch)).files();
    for gone in [next(json!(null)), next(json!({"version": 6}))] {
        let updated = update(&stored, &gone, NOW);
        assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Rollback);
    }
    assert_eq!(accepted(&stored, &next(json!({"version": 7}))).0, 2);
}

/// The same version of the timestamp again, with other content, changes nothing.
#[test]
fn the_same_version_is_not_read_twice() {
    let two = Forge::new().next();
    let (_, stored) = accepted(&provisioned(&Forge::new().files()), &two.clone().files());
    let other = two.next();
    let other = other.set(Role::Timestamp, "/version", 2.into()).files();
    let updated = update(&stored, &other, NOW);
    assert_eq!(updated.release.unwrap().number(), 2);
    assert_eq!(updated.stored, stored);
    assert_eq!(updated.asked, ["metadata/2.root.json", "metadata/timestamp.json"]);
}

/// An update that broke off in the middle is taken up where it broke off, and what it had verified
/// by then counts.
#[test]
fn an_interrupted_update_goes_on() {
    let (one, two) = (Forge::new().files(), Forge::new().next().files());
    let (_, stored) = accepted(&provisioned(&one), &one);
    for missing in ["metadata/2.snapshot.json", "metadata/2.targets.json"] {
        let mut part = two.clone();
        part.remove(missing);
        let broken = update(&stored, &part, NOW);
        assert_eq!(broken.release.unwrap_err().kind(), TrustErrorKind::Incomplete);
        goes_back(&broken.stored, &one);
        assert_eq!(accepted(&broken.stored, &two).0, 2);
    }
}

/// Nothing is fetched that is there already.
#[test]
fn what_is_there_is_not_fetched_again() {
    let ([.., three], stored) = seen_three();
    let updated = update(&stored, &three, NOW);
    assert_eq!(updated.asked, ["metadata/2.root.json", "metadata/timestamp.json"]);
    // A timestamp that was merely renewed brings nothing else with it.
    let renewed = Forge::new().next().next().set(Role::Timestamp, "/version", 4.into()).files();
    let updated = update(&stored, &renewed, NOW);
    assert_eq!(updated.asked, ["metadata/2.root.json", "metadata/timestamp.json"]);
    assert_eq!(updated.release.unwrap().number(), 3);
}

/// Whoever stole keys can make all numbers so high that no honest release ever passes them. A root
/// with other keys lets every gateway start counting again (specification 5.3.11).
#[test]
fn fast_forward_is_undone_by_new_keys() {
    let high = 9_007_199_254_740_991_u64;
    let mut stolen = Forge::new();
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        stolen = stolen.set(role, "/version", high.into());
    }
    let first = Forge::new().files();
    let (number, poisoned) = accepted(&provisioned(&first), &stolen.files());
    assert_eq!(number, high);
    goes_back(&poisoned, &Forge::new().next().files());

    let recovered = |rotated: &[(Role, u8)]| {
        let mut forge = Forge::new().next().next_root();
        for (role, n) in rotated {
            forge = forge
                .set(Role::Root, &format!("/keys/{}", id(*n)), public(*n))
                .set(Role::Root, &format!("/roles/{role}/keyids"), json!([id(*n)]))
                .signed_by(*role, &by(&[*n]));
        }
        forge.files()
    };
    for rotated in [
        &[(Role::Timestamp, 24), (Role::Snapshot, 23), (Role::Targets, 22)][..],
        &[(Role::Timestamp, 24)],
        &[(Role::Snapshot, 23)],
    ] {
        let (number, clean) = accepted(&poisoned, &recovered(rotated));
        assert_eq!(number, 2, "{rotated:?}");
        let after = recovered(rotated);
        assert_eq!(accepted(&clean, &after).0, 2);
    }
    // A new root by itself, with the same keys, does not.
    let updated = update(&poisoned, &recovered(&[]), NOW);
    assert_eq!(updated.release.unwrap_err().kind(), TrustErrorKind::Rollback);
}
