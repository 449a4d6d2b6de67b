//! Every single bit: of every metadata file and of a bundle, one at a time, turned over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::thread;

use support::forge::{ECDSA, Files, Forge, NOW, provisioned, update};
use tieline::tuf::{Stored, TrustErrorKind, Update};

/// The metadata of a delegated role.
const TEAM: &str = "metadata/1.west.json";

/// A team that holds an ECDSA key speaks of the bundle for `perth`.
fn delegating() -> Forge {
    let paths = serde_json::json!({"paths": ["perth.tar.gz"]});
    let mut forge = Forge::new().delegate("targets", "west", ECDSA, &paths);
    forge.speakers.insert("perth".parse().unwrap(), "west".to_owned());
    forge.describe_bundles();
    forge
}

/// Two versions of root metadata and one of everything else, laid out for people as `tieline sign`
/// does, spaces and line ends included.
fn repository() -> Files {
    let mut files = delegating().next_root().files();
    for path in ["metadata/1.root.json", "metadata/2.root.json", "metadata/timestamp.json"] {
        let value: serde_json::Value = serde_json::from_slice(&files[path]).unwrap();
        files.insert(path.to_owned(), serde_json::to_vec_pretty(&value).unwrap());
    }
    files
}

/// `bytes` with every bit turned over, one after the other, shared among threads.
fn each_flip(bytes: &[u8], refused: impl Fn(Vec<u8>) -> bool + Sync) -> Vec<usize> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let part = |n: usize| {
        let mut accepted = Vec::new();
        for bit in (n..bytes.len() * 8).step_by(threads) {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if !refused(flipped) {
                accepted.push(bit);
            }
        }
        accepted
    };
    thread::scope(|scope| {
        let part = &part;
        let running: Vec<_> = (0..threads).map(|n| scope.spawn(move || part(n))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn file(path: &str) {
    let files = repository();
    let gateway = provisioned(&files);
    assert!(update(&gateway, &files, NOW).release.is_ok(), "before any flip");
    let accepted = each_flip(&files[path], |flipped| {
        let mut files = files.clone();
        files.insert(path.to_owned(), flipped);
        match update(&gateway, &files, NOW).release {
            Ok(_) => false,
            // Never as anything that might pass later, from this file or another remote's.
            Err(error) => error.kind() == TrustErrorKind::Signature,
        }
    });
    assert!(accepted.is_empty(), "{path} is accepted with these bits turned over: {accepted:?}");
}

#[test]
fn of_the_next_root() {
    file("metadata/2.root.json");
}

#[test]
fn of_the_timestamp() {
    file("metadata/timestamp.json");
}

#[test]
fn of_the_snapshot() {
    file("metadata/1.snapshot.json");
}

#[test]
fn of_the_targets() {
    file("metadata/1.targets.json");
}

/// Of a team's metadata too, which an ECDSA key signs.
#[test]
fn of_delegated_targets() {
    file(TEAM);
}

/// Without hashes and lengths in the metadata that describe them, signatures protect alone.
#[test]
fn of_snapshot_and_targets_that_only_a_signature_protects() {
    let one = serde_json::json!({"version": 1});
    let described = serde_json::json!({"targets.json": one, "west.json": one});
    let files = delegating()
        .set(tieline::tuf::Role::Snapshot, "/meta", described)
        .set(tieline::tuf::Role::Timestamp, "/meta", serde_json::json!({"snapshot.json": one}))
        .files();
    let gateway = provisioned(&files);
    assert!(update(&gateway, &files, NOW).release.is_ok(), "before any flip");
    for path in ["metadata/1.snapshot.json", "metadata/1.targets.json", TEAM] {
        let accepted = each_flip(&files[path], |flipped| {
            let mut files = files.clone();
            files.insert(path.to_owned(), flipped);
            update(&gateway, &files, NOW).release.is_err()
        });
        assert!(accepted.is_empty(), "{path} with these bits turned over: {accepted:?}");
    }
}

/// A damaged provisioned root is no root.
#[test]
fn of_the_trusted_root() {
    let files = repository();
    let accepted = each_flip(&files["metadata/1.root.json"], |flipped| {
        Update::start(Stored::provisioned(flipped), support::forge::time(NOW)).is_err()
    });
    assert!(accepted.is_empty(), "{accepted:?}");
}

#[test]
fn of_a_bundle() {
    let files = repository();
    let release = update(&provisioned(&files), &files, NOW).release.unwrap();
    let target = release.target(&"perth".parse().unwrap()).unwrap();
    let bytes = &files[&target.request().path];
    assert!(target.accept(bytes.clone()).is_ok(), "before any flip");
    let accepted = each_flip(bytes, |flipped| {
        target.accept(flipped).is_err_and(|error| error.kind() == TrustErrorKind::BadBundle)
    });
    assert!(accepted.is_empty(), "{accepted:?}");
}

/// Nor may anything be cut off or added.
#[test]
fn of_the_length() {
    let files = repository();
    let gateway = provisioned(&files);
    for path in [
        "metadata/2.root.json",
        "metadata/timestamp.json",
        "metadata/1.snapshot.json",
        "metadata/1.targets.json",
        TEAM,
    ] {
        let whole = &files[path];
        let cut = (0..whole.len()).map(|end| whole[..end].to_vec());
        let grown = [&b"x"[..], b"{}", b"\0"].map(|more| [whole, more].concat());
        for bytes in cut.chain(grown) {
            let length = bytes.len();
            let mut files = files.clone();
            files.insert(path.to_owned(), bytes);
            assert!(update(&gateway, &files, NOW).release.is_err(), "{path} with {length} bytes");
        }
    }
}
