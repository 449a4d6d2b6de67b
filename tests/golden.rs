//! Every example, compiled: `tests/fixtures/golden/<example>/<gateway>/` is what that gateway
//! gets, so that a change of what we write is read in a review and not found on a gateway.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::{golden, mesh};
use tieline::bundle::{Manifest, unpack};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = directory.read_dir() else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { files.extend(below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// What an example compiles to, by file.
fn compiled(example: &Path, directory: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for (gateway, bundle) in mesh::bundles_of(example) {
        let directory = directory.join(gateway.as_str());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (manifest, artifacts) = unpack(&bundle.bytes).unwrap();
        files.insert(directory.join(Manifest::PATH), text(&manifest.to_json()));
        for (path, content) in artifacts.iter() {
            files.insert(directory.join(path.as_str()), text(content));
        }
    }
    files
}

#[test]
fn every_example_compiles_to_its_golden_files() {
    let golden_root = root().join("tests/fixtures/golden");
    let mut wanted = BTreeMap::new();
    for entry in root().join("examples").read_dir().unwrap() {
        let example = entry.unwrap();
        if example.path().join("mesh.yaml").exists() {
            wanted.extend(compiled(&example.path(), &golden_root.join(example.file_name())));
        }
    }
    assert!(wanted.len() > 20, "only {} files from all examples", wanted.len());
    for stray in below(&golden_root).iter().filter(|file| !wanted.contains_key(*file)) {
        golden::absent(stray);
    }
    for (path, content) in &wanted {
        golden::check(path, content);
    }
}
