//! The schemas in schema/ are those of the types, and say what the program says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::path::{Path, PathBuf};

use schemars::Schema;
use serde_json::Value;
use support::{golden, mesh};
use tieline::bundle::{Build, Manifest, unpack};
use tieline::identity::EnrollReport;
use tieline::lab::LabReport;
use tieline::publish::Published;
use tieline::reconcile::{
    Backoff, GatewayConfig, History, Hold, Journal, LastRun, Preview, Status,
};
use tieline::report::{
    FindingsReport, KeysReport, LockReport, ReleaseReport, RootReport, TeamsReport, VerifyReport,
};
use tieline::spec::{SourceFile, included_schema, mesh_schema, parse};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn check(file: &str, schema: Schema) {
    let text = tieline::primitives::schema_text(schema);
    golden::check(&root().join("schema").join(file), &text);
}

#[test]
fn stored_schemas_are_fresh() {
    check("mesh.schema.json", mesh_schema());
    check("lans.schema.json", included_schema());
    check("findings.schema.json", schemars::schema_for!(FindingsReport));
    check("lock.schema.json", schemars::schema_for!(LockReport));
    check("publish.schema.json", schemars::schema_for!(Published));
    check("enroll.schema.json", schemars::schema_for!(EnrollReport));
    check("lab.schema.json", LabReport::schema());
    check("bundle.schema.json", schemars::schema_for!(Manifest));
    check("build.schema.json", schemars::schema_for!(Build));
    check("keys.schema.json", schemars::schema_for!(KeysReport));
    check("root.schema.json", schemars::schema_for!(RootReport));
    check("verify.schema.json", schemars::schema_for!(VerifyReport));
    check("teams.schema.json", schemars::schema_for!(TeamsReport));
    check("release.schema.json", schemars::schema_for!(ReleaseReport));
    check("gateway.schema.json", GatewayConfig::schema());
    check("status.schema.json", schemars::schema_for!(Status));
    check("last-run.schema.json", schemars::schema_for!(LastRun));
    check("journal.schema.json", schemars::schema_for!(Journal));
    check("history.schema.json", schemars::schema_for!(History));
    check("remotes.schema.json", schemars::schema_for!(Backoff));
    check("hold.schema.json", schemars::schema_for!(Hold));
    check("preview.schema.json", schemars::schema_for!(Preview));
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(mesh_schema().as_value()).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn five_lans() -> String {
    std::fs::read_to_string(root().join("examples/five-lans/mesh.yaml")).unwrap()
}

#[test]
fn examples_validate() {
    let validator = validator();
    let mut seen = 0;
    for entry in root().join("examples").read_dir().unwrap() {
        let file = entry.unwrap().path().join("mesh.yaml");
        if let Ok(text) = std::fs::read_to_string(&file) {
            let errors: Vec<_> =
                validator.iter_errors(&yaml(&text)).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", file.display());
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} examples found");
    let validator = jsonschema::validator_for(included_schema().as_value()).unwrap();
    let lans = root().join("examples/lans-in-files/lans");
    for file in lans.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(validator.is_valid(&yaml(&text)), "{}", file.display());
        let more = format!("{text}topology: full-mesh\n");
        assert!(!validator.is_valid(&yaml(&more)), "{}", file.display());
    }
}

/// Where a mesh's LANs may stand, as an editor and as the program see it.
#[test]
fn lans_stand_in_mesh_yaml_or_in_files() {
    let (validator, head) = (validator(), "mesh: a\ntunnels: {network: 10.0.0.0/24, ports: 1-2}\n");
    for (more, good) in [
        ("", false),
        ("include: lans/*.yaml\n", true),
        ("include: [lans/*.yaml, more/.x/a?.yaml]\n", true),
        ("include: .lans\n", true),
        ("include: ..\n", false),
        ("include: a/./b\n", false),
        ("lans: {}\ninclude: a.yaml\n", false),
    ] {
        let text = format!("{head}{more}");
        assert_eq!(validator.is_valid(&yaml(&text)), good, "{more}");
        assert_eq!(parse(&text).findings.is_empty(), good, "{more}");
    }
}

/// What an editor must underline: a part of the five-LANs example, and what is planted for it.
const MISTAKES: &[(&str, &str)] = &[
    ("mesh: acme", "mesh: Acme"),
    ("mesh: acme", "mesh: [acme]"),
    ("mesh: acme", "mash: acme"),
    ("tunnels:", "tunnels: {}\nother:"),
    ("172.19.0.0/16", "172.19.0.0"),
    ("172.19.0.0/16", "172.19.0.256/16"),
    ("172.19.0.0/16", "172.19.0.0/33"),
    ("172.19.0.0/16", "fd00::/64"),
    ("ports: 11000-11999", "ports: 11000"),
    ("ports: 11000-11999", "port: 11000-11999"),
    ("ports: 11000-11999", "ports: 11000-11999\n  network6: fd00::/64"),
    ("{ port: 1194,", "{ port: \"1194\","),
    ("{ port: 1194,", "{ port: 65536,"),
    ("{ port: 1194,", "{ port: 1194, network: 10.9.0.0/16,"),
    ("{ port: 1194,", "{"),
    (", reason: regular OpenVPN server", ""),
    ("head-office:", "Head-Office:"),
    ("      perth:", "      perth.a:"),
    ("[192.168.10.0/24]", "[]"),
    ("[192.168.10.0/24]", "192.168.10.0/24"),
    ("endpoint: 198.51.100.20", "endpoint: 198.51.100.20:1194"),
    ("endpoint: 198.51.100.20", "endpoint:"),
    ("endpoint: 198.51.100.20", "endpiont: 198.51.100.20"),
    ("address: 192.168.10.1", "address: 192.168.10.1/24"),
    ("\"SHA256:A3:", "\"SHA256:A:"),
    ("          - \"SHA256:A3:", "          - x\n          - y\n          - \"SHA256:A3:"),
    ("lans:", "include: /etc/passwd\nlans:"),
    ("lans:", "include: ../*.yaml\nlans:"),
    ("lans:", "include: lans/**/a.yaml\nlans:"),
    ("lans:", "include: lans/\nlans:"),
    ("lans:", "include: []\nlans:"),
    ("lans:", "include: [1]\nlans:"),
    ("lans:", "topology: hub-and-spoke\nlans:"),
    ("lans:", "routing: bgp\nlans:"),
    (
        "    networks: [10.20.0.0/16]",
        "    networks: [10.20.0.0/16]\n    public-addresses: yes please",
    ),
];

#[test]
fn planted_mistakes_are_refused_by_the_schema_and_by_the_program() {
    let (validator, good) = (validator(), five_lans());
    for (part, planted) in MISTAKES {
        assert!(good.contains(part), "{part:?} is not in the example");
        let bad = good.replacen(part, planted, 1);
        assert!(!validator.is_valid(&yaml(&bad)), "the schema takes {planted:?}");
        let findings = tieline::model::resolve(parse(&bad)).expect_err(planted);
        assert!(!findings.is_empty(), "the program takes {planted:?}");
    }
}

/// Every key that the schema offers is one that the program reads, and the other way round.
#[test]
fn the_schema_and_the_program_know_the_same_keys() {
    let (schema, included) = (mesh_schema(), included_schema());
    let schema = schema.as_value();
    let mut kinds = vec![("the mesh", schema), ("an included file", included.as_value())];
    for (name, what) in [
        ("Tunnels", "`tunnels`"),
        ("Reserved", "an entry of `reserved`"),
        ("Lan", "LAN x"),
        ("Gateway", "gateway x"),
    ] {
        kinds.push((what, &schema["$defs"][name]));
    }
    let everywhere = "mesh: x\ntunnels: { zzzzzzz: 1 }\nreserved: [{ zzzzzzz: 1 }]\n\
                      lans: { x: { zzzzzzz: 1, gateways: { x: { zzzzzzz: 1 } } } }\nzzzzzzz: 1\n";
    let included = "lans: { y: { networks: [], gateways: {} } }\nzzzzzzz: 1\n";
    let findings = parse(everywhere).with([(SourceFile::Included(0), included)]).findings;
    for (what, object) in kinds {
        let message = format!("{what} has no key `zzzzzzz`");
        let finding = findings.iter().find(|finding| finding.message == message);
        let hint =
            finding.unwrap_or_else(|| panic!("{message}: {findings:?}")).hint.clone().unwrap();
        let mut known: Vec<_> = hint.split('`').skip(1).step_by(2).collect();
        let mut offered: Vec<_> = object["properties"].as_object().unwrap().keys().collect();
        known.sort_unstable();
        offered.sort_unstable();
        assert_eq!(known, offered, "{what}");
    }
}

#[test]
fn every_key_is_explained_to_the_editor() {
    let (schema, included) = (mesh_schema(), included_schema());
    let (schema, included) = (schema.as_value(), included.as_value());
    let definitions = schema["$defs"].as_object().unwrap().values();
    for object in definitions.chain([schema, included]).filter(|object| object["type"] == "object")
    {
        assert_eq!(object["additionalProperties"], false);
        for (key, property) in object["properties"].as_object().unwrap() {
            let text = property["description"].as_str().unwrap_or_default();
            assert!(text.len() > 10, "{key} has no description");
        }
    }
}

#[test]
fn stored_schemas_are_valid_schemas() {
    for entry in root().join("schema").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{}", path.display());
    }
    assert!(Path::new(&root().join("schema/mesh.schema.json")).exists());
}

#[test]
fn manifests_fit_their_schema() {
    let schema = schemars::schema_for!(Manifest);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    let mut seen = 0;
    for entry in root().join("examples").read_dir().unwrap() {
        let directory = entry.unwrap().path();
        if !directory.join("mesh.yaml").exists() {
            continue;
        }
        for (gateway, bundle) in mesh::bundles_of(&directory) {
            let (manifest, _) = unpack(&bundle.bytes).unwrap();
            let json: Value = serde_json::from_slice(&manifest.to_json()).unwrap();
            let errors: Vec<_> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{gateway} of {}: {errors:?}", directory.display());
            seen += 1;
            // A schema that lets anything through would fit as well.
            for (key, wrong) in [("format", "one"), ("gateway", "Perth!"), ("units", "none")] {
                let mut json = json.clone();
                json[key] = wrong.into();
                assert!(!validator.is_valid(&json), "the schema takes {wrong:?} for {key}");
            }
            let mut json = json.clone();
            json["hooks"] = Value::Null;
            assert!(!validator.is_valid(&json), "the schema takes unknown keys");
        }
    }
    assert!(seen >= 10, "only {seen} manifests");
}
