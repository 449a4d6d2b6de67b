//! No mesh.yaml or mesh.lock, however broken or malicious, makes the compiler panic, hang or take
//! much memory; and each that is not a mesh is answered with a finding.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tieline::model::{Lock, Mesh, resolve};
use tieline::report::{FindingsReport, Source, Sources, findings_text};
use tieline::spec::{Finding, SourceFile, decode, parse};

fn example(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/five-lans").join(file);
    std::fs::read_to_string(path).unwrap()
}

/// The way of a file through the program, reports included.
fn compile(bytes: &[u8]) -> Result<Mesh, Vec<Finding>> {
    let text = decode(SourceFile::Mesh, bytes).map_err(|finding| vec![*finding])?;
    let result = resolve(parse(text));
    let findings = match &result {
        Ok(resolved) => &resolved.warnings,
        Err(findings) => findings,
    };
    report(findings, text, "");
    assert_eq!(result.is_err(), findings.iter().any(Finding::is_error), "{findings:?}");
    if let Ok(resolved) = &result {
        for lan in resolved.mesh.lans.values() {
            assert!(!lan.networks.is_empty() && lan.gateways.len() == 1, "{lan:?}");
            assert!(lan.gateways.values().all(|gateway| !gateway.certificates.is_empty()));
        }
    }
    result.map(|resolved| resolved.mesh)
}

fn report(findings: &[Finding], mesh: &str, lock: &str) {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let (mesh, lock) = (source("mesh.yaml", mesh), source("mesh.lock", lock));
    let sources = Sources { mesh, lock, ..Sources::default() };
    let text = findings_text(findings, &sources, false);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    let report = FindingsReport::new(findings, &sources);
    for place in report.findings.iter().flat_map(|finding| &finding.places) {
        assert!(place.line >= 1 && place.column >= 1);
    }
}

#[test]
fn nasty_files_are_refused_quickly() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let mut block = String::new();
    for level in 0..1000 {
        writeln!(block, "{}a:", " ".repeat(level)).unwrap();
    }
    let keys: String = (0..30_000).flat_map(|n| [format!("key{n}"), ": 1\n".to_owned()]).collect();
    let same: String = "a: 1\n".repeat(60_000);
    let similar: String = (0..20_000)
        .flat_map(|n| {
            [
                format!("lanx{n}"),
                ": 1
mesq: 1
"
                .to_owned(),
            ]
        })
        .collect();
    let million = 1_000_000;
    let cases: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("only a mark", "\u{feff}".to_owned()),
        ("only space", " \n\t\n  ".to_owned()),
        ("a scalar", "acme".to_owned()),
        ("null", "~".to_owned()),
        ("a number", "0x1F".to_owned()),
        ("not a number", ".nan".to_owned()),
        ("a list", "- a\n- b\n".to_owned()),
        ("bomb", bomb),
        ("recursive anchor", "a: &a [*a]".to_owned()),
        ("merge bomb", "<<: [{a: 1}, {a: 2}]\n<<: {b: 1}".to_owned()),
        ("deep flow", "[".repeat(million)),
        ("deep flow, closed", format!("{}{}", "[".repeat(400_000), "]".repeat(400_000))),
        ("deep maps", "{a: ".repeat(200_000)),
        ("deep block", block),
        ("deep block list", "- ".repeat(million / 2)),
        ("question marks", "? ".repeat(million / 2)),
        ("many keys", keys),
        ("the same key", same),
        ("similar keys", similar),
        ("one long line", "x".repeat(million)),
        ("one long key", format!("{}: 1", "k".repeat(1000))),
        ("very long key", format!("{}: 1", "k".repeat(million))),
        ("long quoted name", format!("mesh: \"{}\"", "\\n".repeat(million / 2))),
        ("quotes", "\"".repeat(million)),
        ("colons", ":".repeat(million)),
        ("tags", "!".repeat(million)),
        ("a tag", "mesh: !!binary aGVsbG8=\ntunnels: !foo {}".to_owned()),
        ("a language tag", "mesh: !!python/object:os.system x".to_owned()),
        ("directives", "%".repeat(million)),
        ("comments", "#\n".repeat(million / 2)),
        ("documents", "---\n".repeat(million / 4)),
        ("block scalars", "a: |\n".repeat(million / 5)),
        ("escapes", "mesh: \"\\ud800\\u0000\\x00\\U0010FFFF\"".to_owned()),
        ("nul", "mesh: a\0b".to_owned()),
        ("escape characters", "mesh: \u{1b}[2J\u{9b}31m\u{202e}\u{2028}".to_owned()),
        ("huge number", format!("mesh: {}", "9".repeat(100_000))),
        ("huge float", "mesh: 1e99999999999".to_owned()),
        ("carriage returns", "mesh: a\rtunnels: b\r".to_owned()),
        ("include", "mesh: !include /etc/passwd".to_owned()),
        ("property", "mesh: ${HOME}".to_owned()),
        ("complex key", "? [a, {b: c}]\n: x\n? {d: e}\n: y".to_owned()),
        ("names everywhere", "mesh: {mesh: {mesh: {mesh: mesh}}}".to_owned()),
        ("lans is text", "mesh: a\nlans: b\ntunnels: c\nreserved: d".to_owned()),
        (
            "null everywhere",
            "mesh:\nlans:\n  a:\n  b:\n    gateways:\n      c:\ntunnels:".to_owned(),
        ),
    ];
    for (what, text) in cases {
        let start = Instant::now();
        let findings = compile(text.as_bytes()).expect_err(what);
        assert!(findings.iter().any(Finding::is_error), "{what}");
        // Slow machines and test builds included; a release build takes milliseconds.
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{what}: {took:?}");
        if took > Duration::from_millis(500) {
            eprintln!("{what}: {took:?}");
        }
    }
}

/// Fifty thousand overlapping networks: the report stays small, the time short.
#[test]
fn a_flood_of_conflicts_is_bounded() {
    let networks: Vec<_> = (0..60_000).map(|n| format!("10.{}.0.0/16", n % 200)).collect();
    let text = example("mesh.yaml").replace("10.20.0.0/16", &networks.join(", "));
    assert!(text.len() < 1 << 20);
    let start = Instant::now();
    let findings = compile(text.as_bytes()).unwrap_err();
    assert!(findings.len() > 59_000 && findings.len() < 70_000, "{}", findings.len());
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

/// What an editor, a merge or a bad disk makes of a good file.
fn mutate(text: &str, mutations: &[(u8, usize, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for &(kind, at, byte) in mutations {
        let at = at % (bytes.len() + 1);
        match kind % 6 {
            0 => bytes.insert(at, byte),
            1 => bytes.truncate(at.max(10)),
            2 => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
            3 if at < bytes.len() => bytes[at] = byte,
            4 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            _ => {
                let end = (at + usize::from(byte)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

/// Characters that mean something in YAML, more often than chance would have it.
fn yaml_like() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just(" "),
        Just("\n"),
        Just("  "),
        Just(": "),
        Just("- "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("\""),
        Just("'"),
        Just("|"),
        Just(">"),
        Just("#"),
        Just("&a "),
        Just("*a"),
        Just("!t "),
        Just("? "),
        Just("---\n"),
        Just("<<"),
        Just("%"),
        Just("mesh"),
        Just("lans"),
        Just("tunnels"),
        Just("gateways"),
        Just("networks"),
        Just("none"),
        Just("10.0.0.0/8"),
        Just("1"),
        Just("~"),
        Just("true"),
        Just("ä"),
        Just("\t"),
        Just("\u{feff}"),
        Just("\r\n"),
        Just("\u{1b}"),
    ];
    prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// So many cases, and no files left behind: a case that fails is printed.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn any_text_is_answered(text in "(?s).{0,300}") {
        let _ = compile(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = compile(&bytes);
    }

    #[test]
    fn anything_like_yaml_is_answered(text in yaml_like()) {
        let _ = compile(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_damaged_mesh_is_answered(
        mutations in prop::collection::vec((any::<u8>(), any::<usize>(), any::<u8>()), 1..6)
    ) {
        let _ = compile(&mutate(&example("mesh.yaml"), &mutations));
    }

    /// A damaged mesh.lock is refused, or was not damaged at all: nothing is read that would be
    /// written differently.
    #[test]
    fn a_damaged_lock_is_answered(
        mutations in prop::collection::vec((any::<u8>(), any::<usize>(), any::<u8>()), 1..6)
    ) {
        let bytes = mutate(&example("mesh.lock"), &mutations);
        if let Ok(text) = decode(SourceFile::Lock, &bytes) {
            match Lock::parse(text) {
                Ok(lock) => prop_assert_eq!(lock.to_string(), text),
                Err(findings) => {
                    prop_assert!(!findings.is_empty());
                    report(&findings, "", text);
                }
            }
        }
    }
}
