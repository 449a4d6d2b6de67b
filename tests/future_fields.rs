//! What each format that a program reads back does with a field from the future.
//!
//! What tells somebody to do something is refused: doing the rest of it could be fatal. Notes pass
//! such a field by, so that a gateway can go back to an older Tieline.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use serde_json::{Value, json};
use support::forge::{Forge, NOW, bundle, provisioned, update};
use support::mesh;
use tieline::bundle::{Build, Manifest, unpack};
use tieline::compile::compile;
use tieline::model::Lock;
use tieline::reconcile::units::Applied;
use tieline::reconcile::{Backoff, GatewayConfig, History, Hold, Journal, Label, LastRun};
use tieline::spec::{SourceFile, parse};
use tieline::tuf::Role;

/// A text with one more field.
fn with_more(text: &str) -> Vec<u8> {
    let mut value: Value = serde_json::from_str(text).unwrap();
    value["from_the_future"] = json!({ "a": 1 });
    value.to_string().into_bytes()
}

/// Whether a note of this kind is read in spite of a field from the future, and in spite of one in
/// each thing it consists of.
fn passes_by<T: serde::de::DeserializeOwned>(text: &str) -> bool {
    serde_json::from_slice::<T>(text.as_bytes()).unwrap();
    serde_json::from_slice::<T>(&with_more(text)).is_ok()
}

const LABEL: &str = r#"{"format":1,"release":7,"digest":"D","manifest":"D"}"#;

fn digests(text: &str) -> String {
    text.replace('D', &"ab".repeat(32))
}

#[test]
fn notes_pass_it_by() {
    let label = digests(LABEL);
    assert!(passes_by::<Label>(&label));
    let journal = format!(
        r#"{{"format":2,"phase":"armed","cause":"release","from":"unknown","to":{label},
            "changed":[],"boot":"b","deadline_ms":1,
            "baseline":{{"units":{{}},"remotes":{{}},"checks":{{}}}},"recoveries":0,"reason":null}}"#
    );
    assert!(Journal::read(journal.as_bytes()).unwrap().is_some());
    assert!(Journal::read(&with_more(&journal)).unwrap().is_some());
    let applied = digests(r#"{"format":2,"units":{"tunnel/tl-2":{"inputs":"D","more":1}}}"#);
    assert!(Applied::read(&with_more(&applied)).is_some());
    let rejected = digests(
        r#"{"format":1,"used":[],"rejected":[{"digest":"D","release":1,"by":"release",
            "reason":"r","at":"2030-01-01T00:00:00Z","more":1}]}"#,
    );
    assert!(passes_by::<History>(&rejected));
    assert!(passes_by::<Hold>(
        r#"{"format":1,"reason":"r","since":"2030-01-01T00:00:00Z","until":null}"#
    ));
    assert!(passes_by::<Backoff>(
        r#"{"format":1,"boot":"b","hosts":{"h":{"failures":1,"until_ms":1,"more":1}}}"#
    ));
    let last_run = r#"{"format":1,"at":"2030-01-01T00:00:00Z","outcome":"converged","message":"",
        "warnings":[],"release":null,"since":"2030-01-01T00:00:00Z","success":null,
        "in_use_since":null,"told":{},"counts":{"applied":1,"drift":{"files":1,"more":1}}}"#;
    assert!(passes_by::<LastRun>(last_run));
    let build =
        digests(r#"{"format":1,"mesh":"m","gateways":{"a":{"length":1,"sha256":"D","more":1}}}"#);
    assert!(passes_by::<Build>(&build));
}

/// What a release says of a bundle besides: signed, and read before anything is downloaded.
#[test]
fn what_a_release_says_of_a_bundle_passes_it_by() {
    let forge = Forge::new().set(Role::Targets, "/targets/perth.tar.gz/custom/more", json!(1));
    let files = forge.files();
    let release = update(&provisioned(&files), &files, NOW).release.unwrap();
    let target = release.target(&"perth".parse().unwrap()).unwrap();
    assert_eq!(target.description().other["more"], 1);
    assert!(target.accept(bundle("perth", "test", 1)).unwrap().unpack().is_ok());
}

#[test]
fn a_bundle_refuses_it() {
    let mesh = mesh::of(2);
    let (manifest, _) = unpack(&compile(&mesh::numbered(&mesh))["gw-1"].bytes).unwrap();
    let json = String::from_utf8(manifest.to_json()).unwrap();
    assert!(serde_json::from_str::<Manifest>(&json).is_ok());
    let refused = serde_json::from_slice::<Manifest>(&with_more(&json)).unwrap_err().to_string();
    assert!(refused.contains("from_the_future"), "{refused}");
    let mut unit: Value = serde_json::from_str(&json).unwrap();
    unit["units"][0]["more"] = json!(1);
    assert!(serde_json::from_value::<Manifest>(unit).is_err());
    let mut kind: Value = serde_json::from_str(&json).unwrap();
    kind["units"][0]["kind"] = json!("from-the-future");
    assert!(serde_json::from_value::<Manifest>(kind).is_err());
}

#[test]
fn what_people_write_refuses_it_and_says_where() {
    let gateway = "gateway: perth\nmesh: acme\nremotes: [/srv/mesh.git]\n";
    assert!(GatewayConfig::parse(gateway, "gateway.yaml".into()).is_ok());
    let more = format!("{gateway}from_the_future: 1\n");
    let refused = GatewayConfig::parse(&more, "gateway.yaml".into()).unwrap_err().to_string();
    assert!(refused.starts_with("gateway.yaml:4:1: "), "{refused}");
    assert!(refused.contains("from_the_future"), "{refused}");

    let example = std::fs::read_to_string("examples/two-offices/mesh.yaml").unwrap();
    assert!(parse(&example).findings.is_empty());
    let findings = parse(&format!("{example}from_the_future: 1\n")).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].is_error() && findings[0].message.contains("from_the_future"));

    let included = |text: &str| parse(&example).with([(SourceFile::Included(0), text)]).findings;
    let lan = "lans: { x: { networks: [10.9.0.0/24], gateways: { x: { endpoint: none, address: \
               10.9.0.1, certificates: [x] } } } }\n";
    assert!(included(lan).is_empty(), "{:?}", included(lan));
    let findings = included(&format!("{lan}from_the_future: 1\n"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    let place = findings[0].primary.as_ref().unwrap().place;
    assert!(findings[0].is_error() && place.file == SourceFile::Included(0));

    let lock = std::fs::read_to_string("examples/two-offices/mesh.lock").unwrap();
    assert!(Lock::parse(&lock).is_ok());
    assert!(Lock::parse(&format!("{lock}9 hobart from-the-future\n")).is_err());
    let later = lock.replacen("# tieline-lock ", "# tieline-lock 9", 1);
    let refused = Lock::parse(&later).unwrap_err();
    assert_eq!(refused[0].hint.as_deref(), Some("use a newer Tieline"));
}
