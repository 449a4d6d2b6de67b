//! The next release: after a change of keys, with signatures from several places, and what is
//! refused although every key is right.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde_json::{Value, json};
use support::forge::update;
use support::forge::{
    EXPIRES, Files, NOW, accepted, bundle, by, id, key, provisioned, public, seal,
};
use tieline::bundle::{Build, BuiltBundle};
use tieline::primitives::{Digest, Name};
use tieline::tuf::repository::{
    Audit, NewFile, NewRelease, ProposedMetadata, ReleaseTerms, RepositoryError, RoleTerms,
    RootTerms, check_clock, check_lifetimes, check_removed, complete, first_root, keeps_versions,
    load_proposed, propose, refresh, release,
};
use tieline::tuf::{KeyPair, Role, Signer, TrustErrorKind, UtcTime};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn at(text: &str) -> UtcTime {
    text.parse().unwrap()
}

fn terms() -> ReleaseTerms {
    let expires = at(EXPIRES);
    ReleaseTerms {
        signed_at: at(NOW),
        targets_expire: expires,
        snapshot_expires: expires,
        timestamp_expires: expires,
    }
}

/// A repository of mesh `test` with a root alone: keys 1, 2, 3, 4 hold root, targets, snapshot and
/// timestamp, and those of `people` hold targets beside 2, of whom `threshold` must sign.
fn begun(people: &[u8], threshold: u64) -> Files {
    let role = |keys: &[u8], threshold| RoleTerms {
        keys: keys.iter().map(|n| key(*n).public().clone()).collect(),
        threshold: NonZeroU64::new(threshold).unwrap(),
    };
    let terms = RootTerms {
        mesh: name("test"),
        root: role(&[1], 1),
        targets: role(&[&[2], people].concat(), threshold),
        snapshot: role(&[3], 1),
        timestamp: role(&[4], 1),
        signed_at: at(NOW),
        expires: at(EXPIRES),
    };
    let mut files = Files::new();
    write(&mut files, first_root(&terms, &[&key(1)]).unwrap());
    files
}

fn write(files: &mut Files, new: Vec<NewFile>) {
    files.extend(new.into_iter().map(|file| (file.path, file.content)));
}

/// Adds the next root, in which other keys hold roles.
fn rotate(files: &mut Files, holders: &[(Role, u8)]) {
    let newest =
        (1..100).take_while(|n| files.contains_key(&format!("metadata/{n}.root.json"))).last();
    let newest = newest.unwrap();
    let root: Value =
        serde_json::from_slice(&files[&format!("metadata/{newest}.root.json")]).unwrap();
    let mut signed = root["signed"].clone();
    signed["version"] = json!(newest + 1);
    for (role, n) in holders {
        signed["keys"][id(*n)] = public(*n);
        signed["roles"][role.as_str()] = json!({"keyids": [id(*n)], "threshold": 1});
    }
    files.insert(format!("metadata/{}.root.json", newest + 1), seal(&signed, &by(&[1])));
}

type Bundles = BTreeMap<Name, Vec<u8>>;

fn bundles(gateways: &[(&str, u64)]) -> Bundles {
    gateways.iter().map(|(gateway, n)| (name(gateway), bundle(gateway, "test", *n))).collect()
}

fn build_of(bundles: &Bundles) -> Build {
    let entry =
        |bytes: &Vec<u8>| BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(bytes) };
    Build {
        format: Build::FORMAT,
        mesh: name("test"),
        source_commit: None,
        tieline: None,
        gateways: bundles.iter().map(|(gateway, bytes)| (gateway.clone(), entry(bytes))).collect(),
    }
}

fn audit(files: &Files) -> Audit {
    let audit: Result<Audit, RepositoryError> =
        Audit::new(files["metadata/1.root.json"].clone(), |request| {
            Ok(files.get(&request.path).cloned())
        });
    audit.unwrap()
}

fn pairs(keys: &[u8]) -> Vec<KeyPair> {
    keys.iter().map(|n| key(*n)).collect()
}

fn signers(pairs: &[KeyPair]) -> Vec<&dyn Signer> {
    pairs.iter().map(|pair| pair as &dyn Signer).collect()
}

fn sign(
    files: &Files,
    gateways: &[(&str, u64)],
    keys: &[u8],
) -> Result<NewRelease, RepositoryError> {
    let bundles = bundles(gateways);
    release(&audit(files), &build_of(&bundles), &bundles, &terms(), &signers(&pairs(keys)))
}

fn add(files: &mut Files, gateways: &[(&str, u64)], keys: &[u8]) -> u64 {
    let new = sign(files, gateways, keys).unwrap();
    write(files, new.files);
    new.number
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, RepositoryError>, says: &str) {
    let error = result.unwrap_err();
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(&error) {
        text = format!("{text}: {source}");
    }
    assert!(text.contains(says), "{says:?} is not in {text:?}");
}

const ALL_NEW: &[(Role, u8)] = &[(Role::Targets, 22), (Role::Snapshot, 23), (Role::Timestamp, 24)];

/// After any change of keys the next release goes on from the last, and every gateway takes it,
/// whatever it had seen before.
#[test]
fn a_release_follows_one_that_only_an_earlier_root_vouches_for() {
    for change in [
        ALL_NEW,
        &[(Role::Targets, 22)],
        &[(Role::Snapshot, 23)],
        &[(Role::Timestamp, 24)],
        &[(Role::Targets, 22), (Role::Timestamp, 24)],
    ] {
        let mut files = begun(&[], 1);
        add(&mut files, &[("perth", 1)], &[2, 3, 4]);
        add(&mut files, &[("perth", 2)], &[2, 3, 4]);
        let (_, seen) = accepted(&provisioned(&files), &files);
        rotate(&mut files, change);
        assert_eq!(audit(&files).superseded(), Some(1), "{change:?}");
        refused(sign(&files, &[("perth", 3)], &[2, 3, 4]), "of its keys to sign");
        assert_eq!(add(&mut files, &[("perth", 3)], &[2, 3, 4, 22, 23, 24]), 3, "{change:?}");
        assert_eq!(audit(&files).superseded(), None);
        assert_eq!(accepted(&seen, &files).0, 3, "{change:?}");
        assert_eq!(accepted(&provisioned(&files), &files).0, 3, "{change:?}");
    }
}

/// Several roots may come before the next release.
#[test]
fn however_many_roots_lie_between() {
    let mut files = begun(&[], 1);
    add(&mut files, &[("perth", 1)], &[2, 3, 4]);
    let (_, seen) = accepted(&provisioned(&files), &files);
    rotate(&mut files, &[(Role::Targets, 22)]);
    rotate(&mut files, &[]);
    rotate(&mut files, &[(Role::Targets, 32)]);
    assert_eq!(add(&mut files, &[("perth", 2)], &[32, 3, 4]), 2);
    assert_eq!(accepted(&seen, &files).0, 2);
}

/// What no root ever vouched for is built upon by nobody, with or without a change of keys.
#[test]
fn what_no_root_vouches_for_is_refused() {
    for rotated in [false, true] {
        let mut files = begun(&[], 1);
        add(&mut files, &[("perth", 1)], &[2, 3, 4]);
        if rotated {
            rotate(&mut files, ALL_NEW);
        }
        let timestamp = files.get_mut("metadata/timestamp.json").unwrap();
        let middle = timestamp.len() / 2;
        timestamp[middle] ^= 1;
        let audit: Result<Audit, RepositoryError> =
            Audit::new(files["metadata/1.root.json"].clone(), |request| {
                Ok(files.get(&request.path).cloned())
            });
        assert!(matches!(audit, Err(RepositoryError::Previous(_))), "{rotated}");
    }
}

/// A thief used up the numbers. With new keys the honest release counts again, and gateways that
/// saw the thief's accept it; without new keys nobody is promised that.
#[test]
fn numbers_that_a_thief_used_up_are_left_behind() {
    let mut files = begun(&[], 1);
    add(&mut files, &[("perth", 1)], &[2, 3, 4]);
    add(&mut files, &[("perth", 2)], &[2, 3, 4]);
    let high = 9_007_199_254_740_991_u64;
    let mut stolen = files.clone();
    forward(&mut stolen, high);
    let (number, poisoned) = accepted(&provisioned(&files), &stolen);
    assert_eq!(number, high);
    refused(sign(&stolen, &[("perth", 3)], &[2, 3, 4]), "the highest version");
    let honest = NonZeroU64::new(2).unwrap();
    let after = |files: &Files, keys: &[u8]| {
        let targets = files["metadata/2.targets.json"].clone();
        let audit = audit(files).after(honest, &targets)?;
        let bundles = bundles(&[("perth", 3)]);
        release(&audit, &build_of(&bundles), &bundles, &terms(), &signers(&pairs(keys)))
    };
    refused(after(&stolen, &[2, 3, 4]), "goes back");
    rotate(&mut stolen, &[(Role::Targets, 22)]);
    refused(after(&stolen, &[22, 3, 4]), "goes back");
    rotate(&mut stolen, ALL_NEW);
    let new = after(&stolen, &[22, 23, 24]).unwrap();
    assert_eq!(new.number, 3);
    write(&mut stolen, new.files);
    assert_eq!(accepted(&poisoned, &stolen).0, 3);
    assert_eq!(accepted(&provisioned(&files), &stolen).0, 3);
    // A release that was never made is none to go on from.
    let forged = stolen["metadata/timestamp.json"].clone();
    assert!(audit(&stolen).after(honest, &forged).is_err());
    let third = stolen["metadata/3.targets.json"].clone();
    assert!(audit(&stolen).after(honest, &third).is_err());
}

/// Makes the repository say that its newest release has the number `high`, signed with the keys
/// that it has.
fn forward(files: &mut Files, high: u64) {
    let read = |files: &Files, path: &str| -> Value {
        serde_json::from_slice::<Value>(&files[path]).unwrap()["signed"].clone()
    };
    let describe = |bytes: &[u8]| json!({"version": high, "length": bytes.len(), "hashes": {"sha256": Digest::of(bytes)}});
    let mut targets = read(files, "metadata/2.targets.json");
    targets["version"] = json!(high);
    let targets = seal(&targets, &by(&[2]));
    let mut snapshot = read(files, "metadata/2.snapshot.json");
    snapshot["version"] = json!(high);
    snapshot["meta"]["targets.json"] = describe(&targets);
    let snapshot = seal(&snapshot, &by(&[3]));
    let mut timestamp = read(files, "metadata/timestamp.json");
    timestamp["version"] = json!(high);
    timestamp["meta"]["snapshot.json"] = describe(&snapshot);
    files.insert(format!("metadata/{high}.targets.json"), targets);
    files.insert(format!("metadata/{high}.snapshot.json"), snapshot);
    files.insert("metadata/timestamp.json".to_owned(), seal(&timestamp, &by(&[4])));
}

/// Whether published numbers still bind gateways is what `publish` goes by.
#[test]
fn numbers_bind_until_the_keys_of_timestamp_or_snapshot_change() {
    let mut files = begun(&[], 1);
    add(&mut files, &[("perth", 1)], &[2, 3, 4]);
    let binds = |files: &Files, root: u8| {
        let part = |path: &str| files[path].clone();
        let root = part(&format!("metadata/{root}.root.json"));
        keeps_versions(&root, &part("metadata/timestamp.json"), &part("metadata/1.snapshot.json"))
            .unwrap()
    };
    assert!(binds(&files, 1));
    rotate(&mut files, &[(Role::Targets, 22)]);
    assert!(binds(&files, 2), "gateways keep the numbers of timestamp and snapshot");
    rotate(&mut files, &[(Role::Snapshot, 23)]);
    assert!(!binds(&files, 3));
    rotate(&mut files, &[(Role::Snapshot, 3), (Role::Timestamp, 24)]);
    assert!(!binds(&files, 4));
}

/// CI proposes, a person signs, CI finishes; what is proposed travels as files.
#[test]
fn a_release_stays_proposed_until_enough_have_signed() {
    let mut files = begun(&[12, 13], 2);
    let gateway = provisioned(&files);
    let bundles = bundles(&[("perth", 1), ("sydney", 1)]);
    let empty = audit(&files);
    let mut proposal = propose(&empty, &build_of(&bundles), &bundles, &terms()).unwrap();
    let by_keys = |metadata: &mut ProposedMetadata, keys: &[u8]| {
        metadata.sign(&empty, &terms(), &signers(&pairs(keys))).unwrap()
    };
    let missing = by_keys(&mut proposal.metadata, &[2, 3, 4]).unwrap();
    assert_eq!((missing.role, missing.needed, missing.signed.len()), (Role::Targets, 2, 1));
    // The same key again, or a key of another role, is nobody else.
    assert_eq!(by_keys(&mut proposal.metadata, &[2, 3, 4]).unwrap().signed.len(), 1);
    write(&mut files, proposal.metadata.proposed_files(&empty).unwrap());
    write(&mut files, proposal.bundles);
    assert!(files.contains_key("proposed/1.targets.json"));
    assert!(update(&gateway, &files, NOW).release.is_err(), "no gateway sees it");

    let proposed = |files: &Files| {
        let proposed: Result<_, RepositoryError> =
            ProposedMetadata::read(&audit(files), None, |path| Ok(files.get(path).cloned()));
        proposed.unwrap().unwrap()
    };
    let load = |files: &Files| -> Result<_, RepositoryError> {
        load_proposed(&audit(files), proposed(files), |path| Ok(files.get(path).cloned()))
    };
    let mut proposal = load(&files).unwrap();
    assert_eq!(proposal.changes.added, [name("perth"), name("sydney")].into());
    let missing = by_keys(&mut proposal.metadata, &[13]).unwrap();
    assert_eq!(missing.role, Role::Snapshot, "the person is done, and CI has to go on");
    write(&mut files, proposal.metadata.proposed_files(&empty).unwrap());

    // A snapshot that says more than what follows is made anew instead of signed.
    let mut bent = files.clone();
    let mut snapshot: Value = serde_json::from_slice(&bent["proposed/1.snapshot.json"]).unwrap();
    snapshot["signed"]["meta"]["north.json"] = json!({ "version": 9_007_199_254_740_991_u64 });
    bent.insert("proposed/1.snapshot.json".to_owned(), serde_json::to_vec(&snapshot).unwrap());
    assert_eq!(proposed(&files).open().unwrap().role(), Role::Snapshot);
    assert_eq!(proposed(&bent).open().unwrap().role(), Role::Targets);
    // Nor does one stand alone.
    bent.remove("proposed/1.targets.json");
    let alone: Result<_, RepositoryError> =
        ProposedMetadata::read(&audit(&bent), None, |path| Ok(bent.get(path).cloned()));
    assert_eq!(alone.unwrap(), None);

    let mut proposal = load(&files).unwrap();
    assert_eq!(by_keys(&mut proposal.metadata, &[2, 3, 4]), None);
    let new = complete(&audit(&files), proposal, at(NOW)).unwrap();
    write(&mut files, new.files);
    assert_eq!(accepted(&gateway, &files).0, 1);
    let targets: Value = serde_json::from_slice(&files["metadata/1.targets.json"]).unwrap();
    assert_eq!(targets["signatures"].as_array().unwrap().len(), 2);
}

/// Whoever countersigns does not take the proposer's word for anything.
#[test]
fn what_is_proposed_is_checked_before_it_is_signed() {
    let mut files = begun(&[12], 2);
    let bundles = bundles(&[("perth", 1)]);
    let mut proposal = propose(&audit(&files), &build_of(&bundles), &bundles, &terms()).unwrap();
    proposal.metadata.sign(&audit(&files), &terms(), &signers(&pairs(&[2]))).unwrap();
    let proposed = proposal.metadata.proposed_files(&audit(&files)).unwrap();
    write(&mut files, proposed);
    write(&mut files, proposal.bundles);
    let load = |files: &Files| -> Result<_, RepositoryError> {
        let audit = audit(files);
        let proposed = ProposedMetadata::read(&audit, None, |path| {
            Ok::<_, RepositoryError>(files.get(path).cloned())
        })?;
        load_proposed(&audit, proposed.unwrap(), |path| Ok(files.get(path).cloned()))
    };
    assert!(load(&files).is_ok());
    let bend = |change: &dyn Fn(&mut Value)| {
        let mut files = files.clone();
        let mut file: Value = serde_json::from_slice(&files["proposed/1.targets.json"]).unwrap();
        change(&mut file["signed"]);
        files.insert("proposed/1.targets.json".to_owned(), serde_json::to_vec(&file).unwrap());
        files
    };
    let perth = "perth.tar.gz";
    refused(load(&bend(&|signed| signed["version"] = json!(2))), "has version 2");
    refused(load(&bend(&|signed| signed["_type"] = json!("root"))), "cannot be signed");
    let digest = Digest::of(b"other");
    let other = bend(&|signed| signed["targets"][perth]["hashes"]["sha256"] = json!(digest));
    refused(load(&other), "not there");
    refused(load(&bend(&|s| s["targets"][perth]["length"] = json!(1))), "not the one");
    refused(load(&bend(&|s| s["targets"][perth]["custom"]["mesh"] = json!("x"))), "of mesh test");
    let swapped = bend(&|signed| {
        let entry = signed["targets"][perth].take();
        signed["targets"] = json!({"sydney.tar.gz": entry});
    });
    refused(load(&swapped), "not the one");
    // The bytes of a bundle, changed after they were proposed.
    let mut changed = files.clone();
    let path = changed.keys().find(|path| path.starts_with("targets/")).unwrap().clone();
    changed.get_mut(&path).unwrap().push(0);
    refused(load(&changed), "not the one");
    // A proposal that was overtaken.
    let mut late = files.clone();
    add(&mut late, &[("perth", 7)], &[2, 12, 3, 4]);
    let proposed: Result<_, RepositoryError> =
        ProposedMetadata::read(&audit(&late), None, |path| Ok(late.get(path).cloned()));
    assert_eq!(proposed.unwrap(), None, "it follows nothing any more");
}

/// A renewed timestamp says the same for longer.
#[test]
fn the_timestamp_alone_is_renewed() {
    let mut files = begun(&[], 1);
    refused(refresh(&audit(&files), &terms()), "no release yet");
    add(&mut files, &[("perth", 1)], &[2, 3, 4]);
    let before = files.clone();
    let renew = |files: &Files, terms: &ReleaseTerms, keys: &[u8]| {
        let audit = audit(files);
        let mut proposal = refresh(&audit, terms)?;
        match proposal.metadata.sign(&audit, terms, &signers(&pairs(keys)))? {
            Some(missing) => Err(missing.into()),
            None => complete(&audit, proposal, terms.signed_at),
        }
    };
    refused(renew(&files, &terms(), &[2, 3]), "the timestamp role needs 1");
    let new = renew(&files, &terms(), &[4]).unwrap();
    assert_eq!((new.number, new.files.len()), (1, 1));
    write(&mut files, new.files);
    let changed = files.iter().filter(|(path, bytes)| before.get(*path) != Some(*bytes));
    let changed: Vec<_> = changed.map(|(path, _)| path.as_str()).collect();
    assert_eq!(changed, ["metadata/timestamp.json"]);
    assert_eq!(accepted(&provisioned(&files), &files).0, 1);
    // It is of no use where something below it has expired.
    let late = ReleaseTerms {
        signed_at: at(EXPIRES),
        timestamp_expires: at("2031-02-01T00:00:00Z"),
        ..terms()
    };
    refused(renew(&files, &late, &[4]), "expired");
    // Nor after a change of keys: the release itself has to be signed anew.
    rotate(&mut files, &[(Role::Targets, 22)]);
    refused(renew(&files, &terms(), &[4]), "later roots name other keys");
}

#[test]
fn clocks_that_cannot_be_right() {
    let mut files = begun(&[], 1);
    let check = |files: &Files, now: &str| check_clock(&audit(files), at(now));
    // Before the first release, the root's date is what there is.
    refused(check(&files, "2099-01-01T00:00:00Z"), "a wrong clock");
    refused(check(&files, "1970-01-01T00:00:00Z"), "one of the two clocks is wrong");
    add(&mut files, &[("perth", 1)], &[2, 3, 4]);
    for fine in [NOW, "2029-12-31T00:00:01Z", "2031-02-04T23:59:59Z"] {
        assert!(check(&files, fine).is_ok(), "{fine}");
    }
    refused(check(&files, "2031-02-06T00:00:00Z"), "a wrong clock");
    refused(check(&files, "2029-12-30T23:59:59Z"), "one of the two clocks is wrong");
}

#[test]
fn metadata_that_leave_no_time() {
    let files = begun(&[], 1);
    let check = |terms: &ReleaseTerms| check_lifetimes(&audit(&files), terms);
    assert!(check(&terms()).is_ok());
    let soon = at("2030-01-01T23:59:59Z");
    refused(check(&ReleaseTerms { targets_expire: soon, ..terms() }), "targets metadata that");
    refused(check(&ReleaseTerms { snapshot_expires: soon, ..terms() }), "snapshot metadata that");
    refused(check(&ReleaseTerms { timestamp_expires: soon, ..terms() }), "timestamp metadata that");
    let late = ReleaseTerms {
        signed_at: at("2030-12-31T12:00:00Z"),
        targets_expire: at("2032-01-01T00:00:00Z"),
        snapshot_expires: at("2032-01-01T00:00:00Z"),
        timestamp_expires: at("2032-01-01T00:00:00Z"),
    };
    refused(check(&late), "root metadata that expire at 2031-01-01T00:00:00Z");
}

#[test]
fn no_gateway_is_dropped_by_accident() {
    let mut files = begun(&[], 1);
    add(&mut files, &[("perth", 1), ("sydney", 1), ("hobart", 1)], &[2, 3, 4]);
    let next = sign(&files, &[("perth", 1)], &[2, 3, 4]).unwrap();
    let may = |names: &[&str]| names.iter().map(|text| name(text)).collect::<BTreeSet<_>>();
    refused(check_removed(&next.changes, &may(&[])), "hobart, sydney");
    refused(check_removed(&next.changes, &may(&["hobart"])), "from sydney");
    assert!(check_removed(&next.changes, &may(&["hobart", "sydney"])).is_ok());
    let same = sign(&files, &[("perth", 2), ("sydney", 1), ("hobart", 1)], &[2, 3, 4]).unwrap();
    assert!(check_removed(&same.changes, &may(&[])).is_ok());
}

/// The kind of a refusal is what its exit code comes from.
#[test]
fn a_release_that_goes_back_is_a_rollback() {
    let mut files = begun(&[], 1);
    add(&mut files, &[("perth", 1)], &[2, 3, 4]);
    let one = files["metadata/1.targets.json"].clone();
    add(&mut files, &[("perth", 2)], &[2, 3, 4]);
    let audit = audit(&files).after(NonZeroU64::MIN, &one).unwrap();
    let bundles = bundles(&[("perth", 3)]);
    let error =
        release(&audit, &build_of(&bundles), &bundles, &terms(), &signers(&pairs(&[2, 3, 4])));
    let RepositoryError::Refused(error) = error.unwrap_err() else { panic!("another error") };
    assert_eq!(error.kind(), TrustErrorKind::Rollback);
}
