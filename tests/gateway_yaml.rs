//! gateway.yaml: the schema and the program agree, and the documentation tells the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

use serde_json::Value;
use tieline::reconcile::GatewayConfig;

fn schema_accepts(text: &str) -> bool {
    let value: Value = serde_saphyr::from_str(text).unwrap();
    jsonschema::validator_for(GatewayConfig::schema().as_value()).unwrap().is_valid(&value)
}

fn program_accepts(text: &str) -> bool {
    GatewayConfig::parse(text, "gateway.yaml".into()).is_ok()
}

/// The YAML blocks of docs/gateway.md, without the indentation of a list around them.
fn documented() -> Vec<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/gateway.md");
    let text = std::fs::read_to_string(file).unwrap();
    let blocks = text.split("```yaml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let dedent = |block: &str| {
        let depth = block.len() - block.trim_start().len();
        block.lines().map(|line| line.get(depth..).unwrap_or("").to_owned() + "\n").collect()
    };
    blocks.map(dedent).collect()
}

#[test]
fn the_documented_files_are_accepted() {
    let blocks = documented();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        assert!(program_accepts(&block) && schema_accepts(&block), "{block}");
    }
}

#[test]
fn documented_defaults_are_the_defaults() {
    let full = documented().pop().unwrap();
    let remotes = full.find("services:").unwrap();
    let short = &full[..remotes];
    let parse = |text: &str| GatewayConfig::parse(text, "gateway.yaml".into()).unwrap();
    let (full, short) = (parse(&full), parse(short));
    assert_eq!(full.user(), short.user());
    assert_eq!(GatewayConfig { openvpn_user: None, ..full }, short);
}

#[test]
fn planted_mistakes_are_refused_by_the_schema_and_by_the_program() {
    const GOOD: &str = "gateway: perth\nmesh: acme\nremotes: [https://git.example.net/mesh]\n";
    assert!(schema_accepts(GOOD) && program_accepts(GOOD));
    for (from, to) in [
        ("perth", "Perth"),
        ("mesh: acme", "mesh: [acme]"),
        ("mesh: acme", "mush: acme"),
        ("[https://git.example.net/mesh]", "[]"),
        ("[https://git.example.net/mesh]", "https://git.example.net/mesh"),
        ("[https://git.example.net/mesh]", "[{ ssh_key: /k }]"),
        ("[https://git.example.net/mesh]", "[{ url: 'https://h/m', sshkey: /k }]"),
        ("gateway:", "services: upstart\ngateway:"),
        ("gateway:", "fetch_deadline: 0\ngateway:"),
        ("gateway:", "fetch_deadline: 1m\ngateway:"),
        ("gateway:", "paths: { state: var }\ngateway:"),
        ("gateway:", "paths: { states: /var }\ngateway:"),
        ("gateway:", "policy: { allowed_networks: 10.0.0.0/8 }\ngateway:"),
        ("gateway:", "policy: { allow: [] }\ngateway:"),
        ("gateway:", "policy: { file: /x }\ngateway:"),
        ("gateway:", "log: stderr\ngateway:"),
        ("gateway:", "metrics: /var/lib/tieline.txt\ngateway:"),
        ("gateway:", "metrics: tieline.prom\ngateway:"),
        ("gateway:", "on_success: /bin/true\ngateway:"),
        ("gateway:", "on_failure: []\ngateway:"),
        ("gateway:", "on_rollback: [notify]\ngateway:"),
    ] {
        let bad = GOOD.replacen(from, to, 1);
        assert!(!program_accepts(&bad), "the program accepts {bad}");
        assert!(!schema_accepts(&bad), "the schema accepts {bad}");
    }
}
