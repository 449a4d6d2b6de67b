//! What a gateway keeps on its disk, and that a crash between any two writes leaves something that
//! the next update goes on from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;

use serde_json::json;
use support::forge::{Files, Forge, NOW, by, id, public, time};
use tieline::host::{Files as _, RealFiles};
use tieline::reconcile::MetadataDirectory;
use tieline::tuf::{Change, Role, Stored, TrustError, TrustErrorKind, Update};

/// The highest version there is.
const HIGH: u64 = 9_007_199_254_740_991;

/// The metadata directory of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Disk(BTreeMap<String, Vec<u8>>);

impl Disk {
    /// One update from `files`, and what is to be written then.
    fn update(&self, files: &Files) -> (Result<u64, TrustError>, Vec<Change>) {
        let stored = Stored::of_files(self.0.clone(), files["metadata/1.root.json"].clone());
        let mut update = Update::start(stored, time(NOW)).unwrap();
        update.seek_bundle(&"perth".parse().unwrap()).unwrap();
        while let Some(request) = update.next() {
            if let Err(error) = update.supply(files.get(&request.path).cloned()) {
                return (Err(error), update.changes(&self.0));
            }
        }
        let changes = update.changes(&self.0);
        (update.finish().map(|release| release.number()), changes)
    }

    fn write(&mut self, changes: &[Change]) {
        for Change { file, content } in changes {
            match content {
                Some(content) => drop(self.0.insert(file.clone(), content.clone())),
                None => {
                    assert!(self.0.remove(file).is_some(), "{file} is removed, and was not there");
                }
            }
        }
    }

    /// An update that must succeed, and is carried through.
    #[track_caller]
    fn accepts(&mut self, files: &Files) -> u64 {
        let (number, changes) = self.update(files);
        self.write(&changes);
        number.unwrap()
    }

    /// The versions that are kept, by file.
    fn versions(&self) -> BTreeMap<String, u64> {
        let version = |content: &Vec<u8>| {
            let file: serde_json::Value = serde_json::from_slice(content).unwrap();
            file["signed"]["version"].as_u64().unwrap()
        };
        self.0.iter().map(|(name, content)| (name.clone(), version(content))).collect()
    }
}

/// Release 2 with a root that gives `role` the keys `keys` as well or instead.
fn rotated(from: Forge, role: Role, keys: &[u8]) -> Files {
    let mut forge = from.next_root();
    for n in keys {
        forge = forge.set(Role::Root, &format!("/keys/{}", id(*n)), public(*n));
    }
    let ids: Vec<_> = keys.iter().map(|n| id(*n)).collect();
    let signers = by(&keys[..1]);
    forge
        .set(Role::Root, &format!("/roles/{role}/keyids"), json!(ids))
        .signed_by(role, &signers)
        .files()
}

/// Everything at its highest version, as somebody who stole the keys leaves it.
fn stolen() -> Forge {
    let mut stolen = Forge::new();
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets] {
        stolen = stolen.set(role, "/version", HIGH.into());
    }
    stolen
}

/// The names are those that other clients use, the content what was served.
#[test]
fn one_file_each() {
    let files = Forge::new().delegating().files();
    let mut disk = Disk::default();
    assert_eq!(disk.accepts(&files), 1);
    for (file, path) in [
        ("root.json", "metadata/1.root.json"),
        ("timestamp.json", "metadata/timestamp.json"),
        ("snapshot.json", "metadata/1.snapshot.json"),
        ("targets.json", "metadata/1.targets.json"),
        ("team%2Fwest.json", "metadata/1.team%2Fwest.json"),
    ] {
        assert_eq!(disk.0.get(file), Some(&files[path]), "{file}");
    }
    assert_eq!(disk.0.len(), 5);
    let (_, again) = disk.update(&files);
    assert_eq!(again, [], "nothing is written when nothing is new");
}

/// Whatever a crash leaves, no older release is accepted, and the newer one is.
#[test]
fn a_crash_never_leads_back() {
    let releases = [Forge::new().delegating(), Forge::new().delegating().next()];
    let [older, newer] = releases.map(Forge::files);
    let mut before = Disk::default();
    assert_eq!(before.accepts(&older), 1);
    let (_, changes) = before.update(&newer);
    let mut after = before.clone();
    after.write(&changes);
    for crashed_after in 0..=changes.len() {
        let mut disk = before.clone();
        disk.write(&changes[..crashed_after]);
        if crashed_after > 0 {
            let error = disk.update(&older).0.unwrap_err();
            assert_eq!(error.kind(), TrustErrorKind::Rollback, "after {crashed_after}");
        }
        assert_eq!(disk.accepts(&newer), 2, "after {crashed_after}");
        assert_eq!(disk, after, "after {crashed_after}");
    }
}

/// A new root that takes the trust from what is kept does so however often the gateway crashes
/// while it writes that down: also where the old metadata would still verify under the new root,
/// because their own key stays.
#[test]
fn a_crash_does_not_undo_a_change_of_keys() {
    let mut before = Disk::default();
    assert_eq!(before.accepts(&stolen().files()), HIGH);
    let honest = || Forge::new().next();
    for (role, keys) in [
        (Role::Timestamp, &[24][..]),
        (Role::Snapshot, &[23]),
        // The old key stays, beside a new one.
        (Role::Timestamp, &[24, 4]),
        (Role::Snapshot, &[23, 3]),
    ] {
        let recovered = rotated(honest(), role, keys);
        let (number, changes) = before.update(&recovered);
        assert_eq!(number.unwrap(), 2, "{role} {keys:?}");
        let mut after = before.clone();
        after.write(&changes);
        assert!(after.versions().values().all(|version| *version <= 2), "{:?}", after.versions());
        for first in 0..=changes.len() {
            let mut once = before.clone();
            once.write(&changes[..first]);
            // And once more, while the next run picks up what the first has left.
            let (number, rest) = once.update(&recovered);
            assert_eq!(number.unwrap(), 2, "{role} {keys:?} after {first}");
            for second in 0..=rest.len() {
                let mut disk = once.clone();
                disk.write(&rest[..second]);
                let what = format!("{role} {keys:?} after {first} and {second}");
                assert_eq!(disk.accepts(&recovered), 2, "{what}");
                assert_eq!(disk, after, "{what}");
            }
        }
    }
}

/// Before the new root is written, what is kept still counts.
#[test]
fn a_change_of_keys_that_was_not_written_forgets_nothing() {
    let mut before = Disk::default();
    let one = Forge::new().delegating();
    let two = one.clone().next();
    before.accepts(&two.clone().files());
    let (_, changes) = before.update(&rotated(two.clone().next(), Role::Snapshot, &[23]));
    let root = changes.iter().position(|change| change.file == "root.json").unwrap();
    for crashed_after in 0..=root {
        let mut disk = before.clone();
        disk.write(&changes[..crashed_after]);
        // A remote that holds the new root back gains nothing.
        let error = disk.update(&one.clone().files()).0.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Rollback, "after {crashed_after}");
        assert_eq!(disk.accepts(&two.clone().files()), 2);
        assert_eq!(disk, before, "and the next update tidies up");
    }
}

/// Delegated roles are forgotten with the rest (5.3.11).
#[test]
fn delegated_roles_are_forgotten_in_time() {
    let mut disk = Disk::default();
    let forge = Forge::new().delegating();
    disk.accepts(&forge.clone().delegated_version(HIGH).files());
    assert_eq!(disk.versions()["team%2Fwest.json"], HIGH);
    let error = disk.update(&forge.clone().next().files()).0.unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Rollback, "{error}");
    disk.accepts(&rotated(forge.clone().next(), Role::Snapshot, &[23]));
    assert_eq!(disk.versions()["team%2Fwest.json"], 2);

    // Also when what follows the new root is not there yet.
    let mut disk = Disk::default();
    disk.accepts(&forge.clone().files());
    let mut files = rotated(forge.clone().next(), Role::Snapshot, &[23]);
    files.remove("metadata/timestamp.json");
    let (number, changes) = disk.update(&files);
    assert_eq!(number.unwrap_err().kind(), TrustErrorKind::Incomplete);
    disk.write(&changes);
    assert_eq!(disk.0.keys().collect::<Vec<_>>(), ["root.json"]);

    // Only so can one go that is listed no more.
    let mut disk = Disk::default();
    disk.accepts(&forge.clone().files());
    disk.accepts(&rotated(Forge::new().next(), Role::Snapshot, &[23]));
    assert!(!disk.0.contains_key("team%2Fwest.json"));
}

/// What a run left that was killed in the middle of a file goes when there is something to write.
#[test]
fn what_was_being_written_is_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let place = camino::Utf8Path::from_path(directory.path()).unwrap();
    std::fs::write(place.join(".tieline-x"), "half").unwrap();
    let files = Forge::new().files();
    let kept = MetadataDirectory::read(&RealFiles, place).unwrap();
    let root = || Ok::<_, TrustError>(files["metadata/1.root.json"].clone());
    let mut update = Update::start(kept.stored(root).unwrap(), time(NOW)).unwrap();
    while let Some(request) = update.next() {
        update.supply(files.get(&request.path).cloned()).unwrap();
    }
    kept.save(&RealFiles, &update).unwrap();
    let names = RealFiles.list(place).unwrap();
    assert_eq!(names, ["root.json", "snapshot.json", "targets.json", "timestamp.json"]);
}
