//! `tieline build` gives the same bytes everywhere, changes only what a change of the mesh
//! concerns, and never leaves a mixture of two builds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::mesh;
use tieline::bundle::{Build, unpack};
use tieline::primitives::Digest;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/five-lans");

/// A directory with a copy of the five-LANs example.
fn example() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in ["mesh.yaml", "mesh.lock"] {
        fs::copy(Path::new(EXAMPLE).join(file), directory.path().join(file)).unwrap();
    }
    directory
}

fn tieline(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tieline"));
    command.arg("-C").arg(directory).args(arguments).output().unwrap()
}

fn build(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let output = tieline(directory, &["build", "--source-commit", "none"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    files(&directory.join("build"))
}

/// Every file of a directory, by name.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn edit(file: PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_same_bytes_everywhere() {
    let (one, two) = (example(), example());
    let first = build(one.path());

    // Another directory, time zone, locale, umask, working directory and file order.
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tieline")]);
    shell.args(["build", "--source-commit", "none", "--out"]).arg(two.path().join("build"));
    shell.arg(two.path().join("mesh.yaml"));
    shell.current_dir("/").env("TZ", "Pacific/Chatham").env("LC_ALL", "tr_TR.UTF-8");
    assert!(shell.status().unwrap().success());
    let second = files(&two.path().join("build"));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert!(first == second, "two builds differ");
    for path in two.path().join("build").read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644, "{}", path.display());
    }
    assert!(build(one.path()) == first, "a second build differs from the first");
}

/// What the examples compile to is fixed, the compressed bytes included: a new version of a
/// dependency that compresses in another way would make every gateway restart nothing, but
/// download everything. It has to be noticed when it is taken in.
#[test]
fn the_bytes_are_these() {
    let built = build(example().path());
    let digests: BTreeMap<_, _> = built
        .iter()
        .filter(|(name, _)| name.ends_with(".tar.gz"))
        .map(|(name, bytes)| (name.clone(), Digest::of(bytes).to_string()))
        .collect();
    let text = serde_json::to_string_pretty(&digests).unwrap() + "\n";
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/five-lans.digests.json");
    support::golden::check(Path::new(stored), &text);
}

#[test]
fn build_json_says_what_is_there() {
    let directory = example();
    let files = build(directory.path());
    let build: Build = serde_json::from_slice(&files["build.json"]).unwrap();
    assert_eq!(build.format, Build::FORMAT);
    assert_eq!(build.mesh, mesh::name("acme"));
    assert_eq!(build.source_commit, None);
    assert_eq!(build.gateways.len(), 5);
    assert_eq!(files.len(), 6);
    for (gateway, built) in &build.gateways {
        let bytes = &files[&Build::bundle_file(gateway)];
        assert_eq!(built.length, bytes.len() as u64);
        assert_eq!(built.sha256, Digest::of(bytes));
        assert_eq!(unpack(bytes).unwrap().0.gateway, *gateway);
    }
    let output = tieline(directory.path(), &["--format", "json", "build"]);
    assert_eq!(output.stdout, files["build.json"]);
    let schema = schemars::schema_for!(Build);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    assert!(validator.is_valid(&serde_json::from_slice(&output.stdout).unwrap()));
}

#[test]
fn one_line_for_people() {
    let directory = example();
    let output = tieline(directory.path(), &["build"]);
    assert_eq!(output.stdout, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("5 bundles of mesh acme"), "{said}");
    let output = tieline(directory.path(), &["--quiet", "build"]);
    assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
}

#[test]
fn the_source_commit_is_noted() {
    let directory = example();
    let source = |arguments: &[&str]| {
        let output = tieline(directory.path(), &[&["build"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json = fs::read(directory.path().join("build/build.json")).unwrap();
        serde_json::from_slice::<Build>(&json).unwrap().source_commit
    };
    assert_eq!(source(&[]), None, "there is no repository");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(source(&["--source-commit", commit]).as_deref(), Some(commit));

    let repository = git2::Repository::init(directory.path()).unwrap();
    let mut index = repository.index().unwrap();
    index.add_path("mesh.yaml".as_ref()).unwrap();
    index.add_path("mesh.lock".as_ref()).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let someone = git2::Signature::now("someone", "someone@example.net").unwrap();
    let head = repository.commit(Some("HEAD"), &someone, &someone, "mesh", &tree, &[]).unwrap();
    assert_eq!(source(&[]), Some(head.to_string()));
    assert_eq!(source(&["--source-commit", "none"]), None);
    edit(directory.path().join("mesh.yaml"), "mesh: acme", "mesh: other");
    assert_eq!(source(&[]), None, "mesh.yaml is not what was committed");

    let output = tieline(directory.path(), &["build", "--source-commit", "HEAD"]);
    assert_eq!(output.status.code(), Some(64));
}

/// The bundles of gateways that are gone go as well, and nothing but the build is left.
#[test]
fn a_build_replaces_the_one_before() {
    let directory = example();
    let before = build(directory.path());
    assert_eq!(before.len(), 6);
    let gone = before.keys().find(|name| name.ends_with(".tar.gz")).unwrap().clone();
    remove_gateway(directory.path(), gone.trim_end_matches(".tar.gz"));
    let after = build(directory.path());
    assert!(!after.contains_key(&gone), "{gone} is still there");
    assert_eq!(after.len(), 5);
    let mut left: Vec<_> =
        directory.path().read_dir().unwrap().map(|entry| name(&entry.unwrap().path())).collect();
    left.sort();
    assert_eq!(left, ["build", "mesh.lock", "mesh.yaml"]);
}

/// Takes the LAN of a gateway out of mesh.yaml and numbers again.
fn remove_gateway(directory: &Path, gateway: &str) {
    let file = directory.join("mesh.yaml");
    let text = fs::read_to_string(&file).unwrap();
    // LANs begin two blanks in, and the gateway is in one of them.
    let (head, lans) = text.split_once("\nlans:\n").unwrap();
    let mut blocks: Vec<String> = Vec::new();
    for line in lans.lines() {
        let begins = line.starts_with("  ") && !line.starts_with("   ");
        if begins || blocks.is_empty() {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().unwrap();
        block.push_str(line);
        block.push('\n');
    }
    let count = blocks.len();
    blocks.retain(|block| !block.contains(&format!("      {gateway}:")));
    assert_eq!(blocks.len(), count - 1);
    fs::write(&file, format!("{head}\nlans:\n{}", blocks.concat())).unwrap();
    assert!(tieline(directory, &["lock"]).status.success());
}

#[test]
fn what_is_not_a_build_is_not_replaced() {
    let directory = example();
    let precious = directory.path().join("build/precious");
    fs::create_dir(directory.path().join("build")).unwrap();
    fs::write(&precious, "x").unwrap();
    let output = tieline(directory.path(), &["build"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("holds something else than a build"), "{said}");
    assert_eq!(fs::read(&precious).unwrap(), b"x");
    fs::remove_file(&precious).unwrap();
    build(directory.path());
}

#[test]
fn without_all_numbers_nothing_is_built() {
    let directory = example();
    let before = build(directory.path());
    let lock = directory.path().join("mesh.lock");
    let text = fs::read_to_string(&lock).unwrap();
    let shorter: String =
        text.lines().take(text.lines().count() - 1).map(|l| l.to_owned() + "\n").collect();
    for change in [Some(shorter), None] {
        match change {
            Some(text) => fs::write(&lock, text).unwrap(),
            None => fs::remove_file(&lock).unwrap(),
        }
        let output = tieline(directory.path(), &["build"]);
        assert_eq!(output.status.code(), Some(65));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("tieline lock"), "{said}");
        assert!(said.ends_with("/mesh.lock is missing or behind\n"), "{said}");
        assert!(files(&directory.path().join("build")) == before, "the last build was touched");
    }
    assert!(tieline(directory.path(), &["lock"]).status.success());
    assert!(build(directory.path()) == before, "numbering again changes nothing");
    let good = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, good + "garbage\n").unwrap();
    let said = String::from_utf8(tieline(directory.path(), &["build"]).stderr).unwrap();
    assert!(said.ends_with("/mesh.lock has errors\n"), "{said}");
}
