//! TUF repositories made by hand, unsigned: enough for what carries them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use camino::Utf8PathBuf;
use serde_json::{Value, json};
use tieline::primitives::Digest;

/// A repository directory to which releases are added.
pub struct Releases {
    directory: tempfile::TempDir,
    number: u64,
}

impl Releases {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["metadata", "targets"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let releases = Self { directory, number: 0 };
        releases.metadata("1.root.json", &json!({ "version": 1 }));
        releases
    }

    /// Where it is.
    pub fn path(&self) -> Utf8PathBuf {
        self.directory.path().to_owned().try_into().unwrap()
    }

    /// Adds a release with these gateways and bundles.
    pub fn add(&mut self, bundles: &[(&str, &str)]) -> u64 {
        self.number += 1;
        self.write(self.number, bundles);
        self.number
    }

    /// Writes release `number`, whatever is there.
    pub fn write(&self, number: u64, bundles: &[(&str, &str)]) {
        let mut targets = BTreeMap::new();
        for (gateway, content) in bundles {
            let sha256 = Digest::of(content.as_bytes());
            let path = format!("targets/{sha256}.{gateway}.tar.gz");
            fs::write(self.directory.path().join(path), content).unwrap();
            targets.insert(
                format!("{gateway}.tar.gz"),
                json!({ "length": content.len(), "hashes": { "sha256": sha256 } }),
            );
        }
        let meta =
            |name: &str| json!({ "version": number, "meta": { name: { "version": number } } });
        self.metadata(
            &format!("{number}.targets.json"),
            &json!({ "version": number, "targets": targets }),
        );
        self.metadata(&format!("{number}.snapshot.json"), &meta("targets.json"));
        let mut timestamp = meta("snapshot.json");
        timestamp["x-tieline-signed-at"] = json!("2026-01-02T03:04:05Z");
        self.metadata("timestamp.json", &timestamp);
    }

    fn metadata(&self, name: &str, signed: &Value) {
        let path = self.directory.path().join("metadata").join(name);
        fs::write(path, json!({ "signed": signed, "signatures": [] }).to_string()).unwrap();
    }
}

/// The files below `directory`, by path, with their content.
pub fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let path = entry.path();
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}
