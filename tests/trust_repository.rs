//! Making roots and releases: what is written, and what is refused before anything is signed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde_json::{Value, json};
use support::forge::{EXPIRES, Files, Forge, NOW, accepted, bundle, key, provisioned, update};
use tieline::bundle::{Build, BuiltBundle};
use tieline::primitives::{Digest, Name};
use tieline::tuf::repository::{
    Audit, NewFile, NewRelease, ProposedRoot, ReleaseTerms, RepositoryError, RoleTerms, RootError,
    RootTerms, TrustedRoot, first_root, release,
};
use tieline::tuf::{Role, Signer, UtcTime};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn at(text: &str) -> UtcTime {
    text.parse().unwrap()
}

fn root_terms() -> RootTerms {
    let role = |keys: &[u8]| RoleTerms {
        keys: keys.iter().map(|n| key(*n).public().clone()).collect(),
        threshold: NonZeroU64::MIN,
    };
    RootTerms {
        mesh: name("test"),
        root: role(&[1]),
        targets: role(&[2]),
        snapshot: role(&[3]),
        timestamp: role(&[4]),
        signed_at: at(NOW),
        expires: at(EXPIRES),
    }
}

fn make_root(terms: &RootTerms, keys: &[u8]) -> Result<Vec<NewFile>, RepositoryError> {
    let keys: Vec<_> = keys.iter().map(|n| key(*n)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    first_root(terms, &signers)
}

fn write(files: &mut Files, new: Vec<NewFile>) {
    files.extend(new.into_iter().map(|file| (file.path, file.content)));
}

/// A repository that has a root and no release.
fn begun() -> Files {
    let mut files = Files::new();
    write(&mut files, make_root(&root_terms(), &[1]).unwrap());
    files
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
        source_commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        tieline: Some("0.1.0".to_owned()),
        gateways: bundles.iter().map(|(gateway, bytes)| (gateway.clone(), entry(bytes))).collect(),
    }
}

fn terms() -> ReleaseTerms {
    ReleaseTerms {
        signed_at: at(NOW),
        targets_expire: at(EXPIRES),
        snapshot_expires: at(EXPIRES),
        timestamp_expires: at(EXPIRES),
    }
}

fn audit(files: &Files) -> Result<Audit, RepositoryError> {
    let read = |request: &tieline::tuf::Request| Ok(files.get(&request.path).cloned());
    Audit::new(files["metadata/1.root.json"].clone(), read)
}

fn sign(
    files: &Files,
    build: &Build,
    bundles: &Bundles,
    terms: &ReleaseTerms,
    keys: &[u8],
) -> Result<NewRelease, RepositoryError> {
    let keys: Vec<_> = keys.iter().map(|n| key(*n)).collect();
    let signers: Vec<&dyn Signer> = keys.iter().map(|key| key as &dyn Signer).collect();
    release(&audit(files)?, build, bundles, terms, &signers)
}

/// Adds a release of these bundles.
fn add(files: &mut Files, gateways: &[(&str, u64)]) -> NewRelease {
    let bundles = bundles(gateways);
    let new = sign(files, &build_of(&bundles), &bundles, &terms(), &[2, 3, 4]).unwrap();
    write(files, new.files.clone());
    new
}

fn json_of(files: &Files, path: &str) -> Value {
    serde_json::from_slice(&files[path]).unwrap()
}

#[test]
fn releases_follow_one_another() {
    let mut files = begun();
    let gateway = provisioned(&files);
    let first = add(&mut files, &[("perth", 1), ("sydney", 1)]);
    assert_eq!(first.changes.added, [name("perth"), name("sydney")].into());
    let (number, gateway) = accepted(&gateway, &files);
    assert_eq!((first.number, number), (1, 1));

    let before = files.clone();
    let second = add(&mut files, &[("perth", 1), ("sydney", 2), ("hobart", 2)]);
    assert_eq!(second.changes.added, [name("hobart")].into());
    assert_eq!(second.changes.changed, [name("sydney")].into());
    assert_eq!(second.changes.unchanged, [name("perth")].into());
    assert!(second.changes.removed.is_empty());
    assert_eq!(accepted(&gateway, &files).0, 2);
    // Nothing that was there is gone or changed, but for the one file that says what is newest.
    for (path, content) in before {
        assert_eq!(files[&path] == content, path != "metadata/timestamp.json", "{path}");
    }

    let third = add(&mut files, &[("perth", 1)]);
    assert_eq!(third.changes.removed, [name("hobart"), name("sydney")].into());
    let release = update(&gateway, &files, NOW).release.unwrap();
    assert!(release.target(&name("perth")).is_ok());
    assert!(release.target(&name("sydney")).is_err());
}

/// A gateway that a release does not concern sees the same digest.
#[test]
fn an_unchanged_bundle_keeps_its_digest_and_file() {
    let mut files = begun();
    add(&mut files, &[("perth", 1), ("sydney", 1)]);
    let before = update(&provisioned(&files), &files, NOW).release.unwrap();
    add(&mut files, &[("perth", 1), ("sydney", 2)]);
    let after = update(&provisioned(&files), &files, NOW).release.unwrap();
    let request = |release: &tieline::tuf::VerifiedRelease, gateway: &str| {
        release.target(&name(gateway)).unwrap().request()
    };
    assert_eq!(request(&before, "perth"), request(&after, "perth"));
    assert_ne!(request(&before, "sydney"), request(&after, "sydney"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let make = || {
        let mut files = begun();
        let releases = [add(&mut files, &[("perth", 1)]), add(&mut files, &[("perth", 2)])];
        (files, releases.map(|release| release.files))
    };
    assert_eq!(make(), make());
}

/// A client sees a release from the moment its timestamp is there.
#[test]
fn the_timestamp_is_written_last() {
    let mut files = begun();
    add(&mut files, &[("perth", 1)]);
    let (_, gateway) = accepted(&provisioned(&files), &files);
    let mut next = files.clone();
    let new = add(&mut next, &[("perth", 2)]);
    assert_eq!(new.files.last().unwrap().path, "metadata/timestamp.json");
    for (n, file) in new.files.iter().enumerate() {
        let release = update(&gateway, &files, NOW).release.unwrap().number();
        assert_eq!(release, 1, "after {n} files");
        files.insert(file.path.clone(), file.content.clone());
    }
    assert_eq!(accepted(&gateway, &files).0, 2);
    // What a crash left of it does not stand in the way of another try.
    next.insert(
        "metadata/timestamp.json".to_owned(),
        begun_with_one()["metadata/timestamp.json"].clone(),
    );
    assert_eq!(add(&mut next, &[("perth", 3)]).number, 2);
}

fn begun_with_one() -> Files {
    let mut files = begun();
    add(&mut files, &[("perth", 1)]);
    files
}

#[track_caller]
fn refused(result: Result<NewRelease, RepositoryError>, says: &str) {
    let error = result.unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    assert!(text.contains(says), "{text:?} does not say {says:?}");
}

#[test]
fn what_was_built_must_be_what_is_signed() {
    let files = begun_with_one();
    let good = bundles(&[("perth", 2), ("sydney", 2)]);
    let build = build_of(&good);
    let sign =
        |build: &Build, bundles: &Bundles| sign(&files, build, bundles, &terms(), &[2, 3, 4]);
    assert!(sign(&build, &good).is_ok());

    let with = |gateway: &str, bytes: Vec<u8>| {
        let mut bundles = good.clone();
        bundles.insert(name(gateway), bytes);
        bundles
    };
    let mut bent = good[&name("perth")].clone();
    bent[40] ^= 1;
    refused(
        sign(&build, &with("perth", bent)),
        "gateway perth is not the one that build.json lists",
    );
    let swapped = with("perth", good[&name("sydney")].clone());
    refused(sign(&build, &swapped), "perth is not the one");
    refused(sign(&build_of(&swapped), &swapped), "says it is for sydney of mesh test");
    let foreign = with("perth", bundle("perth", "elsewhere", 2));
    refused(sign(&build_of(&foreign), &foreign), "of mesh elsewhere");
    let garbage = with("perth", b"garbage".to_vec());
    refused(sign(&build_of(&garbage), &garbage), "perth would be refused by the gateway");
    let missing = bundles(&[("perth", 2)]);
    refused(sign(&build, &missing), "gateway sydney that is not there");
    refused(sign(&Build { format: 2, ..build.clone() }, &good), "format 2");
    refused(
        sign(&Build { mesh: name("elsewhere"), ..build.clone() }, &good),
        "of mesh elsewhere, and the repository is that of mesh test",
    );
    refused(sign(&Build { gateways: BTreeMap::new(), ..build.clone() }, &good), "no gateway");
}

#[test]
fn every_role_needs_its_keys() {
    let files = begun();
    let bundles = bundles(&[("perth", 1)]);
    let sign = |keys: &[u8]| sign(&files, &build_of(&bundles), &bundles, &terms(), keys);
    assert!(sign(&[2, 3, 4]).is_ok());
    assert!(sign(&[4, 9, 3, 1, 2]).is_ok(), "in any order, and others do no harm");
    refused(sign(&[3, 4]), "the targets role needs 1");
    refused(sign(&[2, 4]), "the snapshot role needs 1");
    refused(sign(&[2, 3]), "the timestamp role needs 1");
    refused(sign(&[2, 3]), &key(4).public().id().short());
    refused(sign(&[]), "the targets role needs 1");
}

#[test]
fn nothing_is_signed_that_has_expired() {
    let files = begun();
    let bundles = bundles(&[("perth", 1)]);
    let sign =
        |terms: &ReleaseTerms| sign(&files, &build_of(&bundles), &bundles, terms, &[2, 3, 4]);
    let past = at(NOW);
    refused(
        sign(&ReleaseTerms { targets_expire: past, ..terms() }),
        "targets metadata that expire",
    );
    refused(sign(&ReleaseTerms { snapshot_expires: past, ..terms() }), "snapshot metadata that");
    refused(sign(&ReleaseTerms { timestamp_expires: past, ..terms() }), "timestamp metadata that");
    // A root that has expired is found too: no gateway would take the release.
    let late = ReleaseTerms {
        signed_at: at(EXPIRES),
        targets_expire: at("2040-01-01T00:00:00Z"),
        snapshot_expires: at("2040-01-01T00:00:00Z"),
        timestamp_expires: at("2040-01-01T00:00:00Z"),
    };
    refused(sign(&late), "a gateway would not accept the result: root.json expired");
}

/// Metadata that expired can be renewed, or a repository that slept would be dead.
#[test]
fn expired_releases_are_followed_by_valid_ones() {
    let mut files = begun();
    let bundles = bundles(&[("perth", 1)]);
    let short = ReleaseTerms { timestamp_expires: at("2030-01-02T00:00:00Z"), ..terms() };
    let new = sign(&files, &build_of(&bundles), &bundles, &short, &[2, 3, 4]).unwrap();
    write(&mut files, new.files);
    let later = ReleaseTerms { signed_at: at("2030-06-01T00:00:00Z"), ..terms() };
    let new = sign(&files, &build_of(&bundles), &bundles, &later, &[2, 3, 4]).unwrap();
    write(&mut files, new.files);
    let release = update(&provisioned(&files), &files, "2030-06-01T00:00:00Z").release.unwrap();
    assert_eq!(release.number(), 2);
}

/// A release that was signed by a clock that was ahead makes gateways believe that it is later than
/// it is. Whoever signs the next one is told, and one that expires after that date repairs it.
#[test]
fn a_clock_that_was_ahead_is_noticed() {
    let mut files = begun();
    let bundles = bundles(&[("perth", 1)]);
    let far = at("2039-01-01T00:00:00Z");
    let until = |end: UtcTime| ReleaseTerms {
        targets_expire: end,
        snapshot_expires: end,
        timestamp_expires: end,
        ..terms()
    };
    let signed = |files: &Files, terms: &ReleaseTerms| {
        sign(files, &build_of(&bundles), &bundles, terms, &[2, 3, 4])
    };
    let ahead = ReleaseTerms { signed_at: at("2030-12-01T00:00:00Z"), ..until(far) };
    let new = signed(&files, &ahead).unwrap();
    write(&mut files, new.files);
    let (_, gateway) = accepted(&provisioned(&files), &files);
    let short = until(at("2030-06-01T00:00:00Z"));
    refused(signed(&files, &short), "timestamp.json expired at 2030-06-01T00:00:00Z");
    let new = signed(&files, &until(far)).unwrap();
    write(&mut files, new.files);
    let (_, gateway) = accepted(&gateway, &files);
    let new = signed(&files, &short).unwrap();
    write(&mut files, new.files);
    assert_eq!(accepted(&gateway, &files).0, 3);
}

/// The repository is verified before anything is built upon it.
#[test]
fn a_tampered_repository_is_not_built_upon() {
    let whole = begun_with_one();
    for path in ["metadata/timestamp.json", "metadata/1.snapshot.json", "metadata/1.targets.json"] {
        let mut files = whole.clone();
        let bytes = files.get_mut(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(matches!(audit(&files), Err(RepositoryError::Previous(_))), "{path}");
    }
    for path in ["metadata/1.snapshot.json", "metadata/1.targets.json"] {
        let mut files = whole.clone();
        files.remove(path);
        assert!(matches!(audit(&files), Err(RepositoryError::Previous(_))), "{path}");
    }
    // Without its timestamp, the repository would begin again at 1.
    let mut files = whole.clone();
    files.remove("metadata/timestamp.json");
    assert!(matches!(audit(&files), Err(RepositoryError::NoTimestamp { .. })));
    assert_eq!(audit(&whole).unwrap().release(), Some(1));
    assert_eq!(audit(&begun()).unwrap().release(), None);
}

/// Another tool may have put things there that we do not know: they stay.
#[test]
fn what_is_unknown_is_kept() {
    let foreign = json!({"length": 3, "hashes": {"sha256": Digest::of(b"abc")}, "x": [1]});
    let forge = Forge::new()
        .set(Role::Targets, "/targets/readme.txt", foreign.clone())
        .set(Role::Targets, "/delegations", json!({"keys": {}, "roles": []}))
        .set(Role::Targets, "/x-other", json!("targets"))
        .set(Role::Snapshot, "/x-other", json!("snapshot"))
        .set(Role::Timestamp, "/x-other", json!("timestamp"));
    let targets = forge.sealed(Role::Targets);
    let meta = json!({
        "targets.json": {"version": 1, "length": targets.len(), "hashes": {"sha256": Digest::of(&targets)}},
        "branch.json": {"version": 7, "x": true},
    });
    let mut files = forge.set(Role::Snapshot, "/meta", meta.clone()).files();
    add(&mut files, &[("perth", 2)]);
    let targets = json_of(&files, "metadata/2.targets.json");
    assert_eq!(targets["signed"]["targets"]["readme.txt"], foreign);
    assert_eq!(targets["signed"]["delegations"], json!({"keys": {}, "roles": []}));
    assert_eq!(targets["signed"]["x-other"], "targets");
    let snapshot = json_of(&files, "metadata/2.snapshot.json");
    assert_eq!(snapshot["signed"]["meta"]["branch.json"], meta["branch.json"]);
    assert_eq!(snapshot["signed"]["x-other"], "snapshot");
    assert_eq!(json_of(&files, "metadata/timestamp.json")["signed"]["x-other"], "timestamp");
}

#[test]
fn what_is_unknown_in_root_is_kept() {
    let set = [
        ("/x-other", json!("root")),
        ("/roles/x-role", json!({"keyids": [], "threshold": 1})),
        ("/roles/targets/x-other", json!("holders")),
        ("/keys/x-key", json!({"keytype": "x", "scheme": "y", "keyval": {}, "x-other": "key"})),
    ];
    let forge = set.iter().fold(Forge::new(), |forge, (pointer, value)| {
        forge.set(Role::Root, pointer, value.clone())
    });
    let root = forge.files()["metadata/1.root.json"].clone();
    let root = TrustedRoot::follow(root, |_| Ok::<_, RootError>(None)).unwrap();
    let next = ProposedRoot::begin(root, at(NOW), at(EXPIRES)).unwrap().unsigned().unwrap();
    let next: Value = serde_json::from_slice(&next).unwrap();
    assert_eq!(next["signed"]["version"], 2);
    for (pointer, value) in set {
        assert_eq!(next["signed"].pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn what_a_release_says_of_a_bundle() {
    let files = begun_with_one();
    let targets = json_of(&files, "metadata/1.targets.json");
    let bytes = bundle("perth", "test", 1);
    let expected = json!({
        "length": bytes.len(),
        "hashes": {"sha256": Digest::of(&bytes)},
        "custom": {
            "gateway": "perth",
            "mesh": "test",
            "format": 1,
            "source_commit": "0123456789abcdef0123456789abcdef01234567",
            "tieline": "0.1.0",
        },
    });
    assert_eq!(targets["signed"]["targets"], json!({"perth.tar.gz": expected}));
    assert_eq!(files[&format!("targets/{}.perth.tar.gz", Digest::of(&bytes))], bytes);
}

#[test]
fn roots_that_could_never_sign_are_refused() {
    let two = NonZeroU64::new(2).unwrap();
    assert!(make_root(&root_terms(), &[1]).is_ok());
    let error = |terms: RootTerms, keys: &[u8]| make_root(&terms, keys).unwrap_err().to_string();
    assert!(error(root_terms(), &[2]).contains("the root role needs 1"));
    let terms =
        RootTerms { root: RoleTerms { threshold: two, ..root_terms().root }, ..root_terms() };
    assert!(error(terms, &[1]).contains("2 of them can never sign"));
    // The same key twice is one key.
    let twice = RoleTerms { keys: vec![key(2).public().clone(); 2], threshold: two };
    assert!(error(RootTerms { targets: twice, ..root_terms() }, &[1]).contains("has 1 keys"));
    let expired = RootTerms { expires: at(NOW), ..root_terms() };
    assert!(error(expired, &[1]).contains("of no use"));
}

/// Two of three hold root and targets; any two will do, and all who are there sign.
#[test]
fn thresholds_above_one() {
    let two = NonZeroU64::new(2).unwrap();
    let of = |keys: [u8; 3]| RoleTerms {
        keys: keys.map(|n| key(n).public().clone()).into(),
        threshold: two,
    };
    let terms = RootTerms { root: of([11, 12, 13]), targets: of([21, 22, 23]), ..root_terms() };
    assert!(make_root(&terms, &[11]).is_err());
    let mut files = Files::new();
    write(&mut files, make_root(&terms, &[13, 11]).unwrap());
    let bundles = bundles(&[("perth", 1)]);
    let build = build_of(&bundles);
    let sign = |keys: &[u8]| sign(&files, &build, &bundles, &self::terms(), keys);
    refused(sign(&[21, 3, 4]), "the targets role needs 2 of its keys to sign, and 1 of them are");
    refused(sign(&[21, 21, 3, 4]), "1 of them");
    let all = sign(&[21, 22, 23, 3, 4]).unwrap();
    let targets: Value = serde_json::from_slice(&all.files[1].content).unwrap();
    assert_eq!(targets["signatures"].as_array().unwrap().len(), 3);
    write(&mut files, all.files);
    assert_eq!(accepted(&provisioned(&files), &files).0, 1);
}
