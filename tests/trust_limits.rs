//! Endless, oversize and malformed files: refused before they cost anything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use serde_json::json;
use support::forge::{Files, Forge, NOW, by, id, provisioned, update};
use tieline::tuf::{Limits, Role, TrustErrorKind};

fn padded(files: &Files, path: &str, length: usize) -> Files {
    let mut files = files.clone();
    files.get_mut(path).unwrap().resize(length, b' ');
    files
}

/// Spaces at the end change nothing about a file but its size.
#[test]
fn metadata_of_unknown_length_have_a_limit() {
    let files = Forge::new().next_root().files();
    let gateway = provisioned(&files);
    for (path, limit) in [
        ("metadata/2.root.json", Limits::GATEWAY.root),
        ("metadata/timestamp.json", Limits::GATEWAY.timestamp),
    ] {
        let limit = usize::try_from(limit).unwrap();
        assert!(update(&gateway, &padded(&files, path, limit), NOW).release.is_ok(), "{path}");
        let error = update(&gateway, &padded(&files, path, limit + 1), NOW).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature, "{path}");
        assert!(error.to_string().contains(&format!("more than {limit} bytes")), "{error}");
    }
}

#[test]
fn described_metadata_are_read_up_to_their_length() {
    let files = Forge::new().files();
    let gateway = provisioned(&files);
    for path in ["metadata/1.snapshot.json", "metadata/1.targets.json"] {
        let length = files[path].len();
        let error = update(&gateway, &padded(&files, path, length + 1), NOW).release.unwrap_err();
        assert!(error.to_string().contains(&format!("more than {length} bytes")), "{error}");
    }
}

/// A length by itself, without a hash, counts as well.
#[test]
fn described_metadata_have_their_length() {
    let meta = |file: &str, length: usize| json!({file: {"version": 1, "length": length}});
    let length = |role| Forge::new().files()[&format!("metadata/1.{role}.json")].len();
    let targets = length(Role::Targets);
    let with =
        |targets: usize| Forge::new().set(Role::Snapshot, "/meta", meta("targets.json", targets));
    let snapshot = with(targets).sealed(Role::Snapshot).len();
    let verdict = |forge: Forge| {
        let files = forge.files();
        update(&provisioned(&files), &files, NOW).release.map(|release| release.number())
    };
    let timestamp = |forge: Forge, snapshot| {
        forge.set(Role::Timestamp, "/meta", meta("snapshot.json", snapshot))
    };
    assert_eq!(verdict(timestamp(with(targets), snapshot)).unwrap(), 1);
    for short in [with(targets + 1), timestamp(with(targets), snapshot + 1)] {
        let error = verdict(short).unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature);
        assert!(error.to_string().contains("length"), "{error}");
    }
}

/// Whoever holds the timestamp key cannot make a gateway read without end either.
#[test]
fn a_signed_length_is_not_a_licence() {
    let meta = json!({"snapshot.json": {"version": 1, "length": 9_007_199_254_740_991_u64}});
    let files = Forge::new().set(Role::Timestamp, "/meta", meta).files();
    let limit = usize::try_from(Limits::GATEWAY.snapshot).unwrap();
    let files = padded(&files, "metadata/1.snapshot.json", limit + 1);
    let error = update(&provisioned(&files), &files, NOW).release.unwrap_err();
    assert!(error.to_string().contains(&format!("more than {limit} bytes")), "{error}");
}

#[test]
fn signatures_have_a_limit() {
    let signed_by = |count: usize| {
        let mut signers: Vec<_> = (1..count).map(|n| (format!("n{n}"), 9)).collect();
        signers.extend(by(&[4]));
        Forge::new().signed_by(Role::Timestamp, &signers)
    };
    let at = |count| {
        // Each takes 190 bytes, more than a timestamp may have; so they are shortened.
        let mut forge = signed_by(count);
        forge.after.insert(Role::Timestamp, |mut file| {
            let signatures = file["signatures"].as_array_mut().unwrap();
            for signature in
                signatures.iter_mut().filter(|by| by["keyid"].as_str().unwrap().starts_with('n'))
            {
                signature["sig"] = json!("");
            }
            file
        });
        let files = forge.files();
        update(&provisioned(&files), &files, NOW).release
    };
    let limit = Limits::GATEWAY.signatures;
    assert!(at(limit).is_ok());
    let error = at(limit + 1).unwrap_err();
    assert_eq!(error.kind(), TrustErrorKind::Signature);
}

/// A file that two readers could read differently is refused although its signature, over what
/// one of them reads, is right.
#[test]
fn ambiguous_json_is_refused() {
    let files = Forge::new().files();
    let timestamp = String::from_utf8(files["metadata/timestamp.json"].clone()).unwrap();
    let stranger = json!({"keyid": id(9), "sig": "00"});
    for (what, from, to) in [
        ("signed twice", "\"signed\":", "\"signed\":{},\"signed\":".to_owned()),
        (
            "signatures twice",
            "\"signatures\":",
            format!("\"signatures\":[{stranger}],\"signatures\":"),
        ),
        ("version twice", "\"version\":", "\"version\":1,\"version\":".to_owned()),
        ("version twice, once escaped", "\"_type\":", "\"vers\\u0069on\":1,\"_type\":".to_owned()),
        (
            "expires twice",
            "\"expires\":",
            "\"expires\":\"9999-01-01T00:00:00Z\",\"expires\":".to_owned(),
        ),
        ("a fraction", "\"version\":1}", "\"version\":1.0}".to_owned()),
        ("an exponent", "\"version\":1}", "\"version\":1e0}".to_owned()),
        ("beyond 2^53", "\"_type\":", "\"x\":9007199254740993,\"_type\":".to_owned()),
        ("beyond 2^64", "\"_type\":", "\"x\":18446744073709551617,\"_type\":".to_owned()),
        ("a comment", "\"_type\":", "/* */\"_type\":".to_owned()),
        ("half a surrogate pair", "\"_type\":", "\"\\ud800\":1,\"_type\":".to_owned()),
    ] {
        let bent = timestamp.replace(from, &to);
        assert_ne!(bent, timestamp, "{what}");
        let mut files = files.clone();
        files.insert("metadata/timestamp.json".to_owned(), bent.into_bytes());
        let error = update(&provisioned(&files), &files, NOW).release.unwrap_err();
        assert_eq!(error.kind(), TrustErrorKind::Signature, "{what}");
        assert!(error.to_string().contains("is not timestamp metadata"), "{what}: {error}");
    }
}
