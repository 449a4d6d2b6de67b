//! Releases that are really signed, of bundles that hold one note each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use camino::Utf8PathBuf;
use tieline::bundle::{FileEntry, Manifest, pack};
use tieline::primitives::{ArtifactPath, ArtifactSet, Digest};

use super::releases::Repository;

/// Keys of all of them.
const SEED: u8 = 7;

/// For how long they are valid.
const DAYS: u32 = 3650;

/// A repository directory to which releases are added.
pub struct Releases {
    directory: tempfile::TempDir,
    repository: Repository,
}

impl Releases {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path(), SEED);
        Self { directory, repository }
    }

    /// A copy that goes its own way from here.
    pub fn fork(&self) -> Self {
        let copy = Self::new();
        for (path, content) in files(self.directory.path()) {
            let path = copy.directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        copy
    }

    /// Where it is.
    pub fn path(&self) -> Utf8PathBuf {
        self.directory.path().to_owned().try_into().unwrap()
    }

    /// Adds a release with these gateways and their notes. Gives back its number.
    pub fn add(&self, notes: &[(&str, &str)]) -> u64 {
        let bundles = notes
            .iter()
            .map(|(gateway, note)| (gateway.parse().unwrap(), bundle(gateway, note)))
            .collect();
        self.repository.release_bytes(&bundles, DAYS)
    }
}

/// The bundle of a gateway with this note.
pub fn bundle(gateway: &str, note: &str) -> Vec<u8> {
    let path: ArtifactPath = "note".parse().unwrap();
    let entry = FileEntry { length: note.len() as u64, sha256: Digest::of(note.as_bytes()) };
    let manifest = Manifest {
        format: Manifest::FORMAT,
        mesh: "test".parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        identity: Vec::new(),
        files: [(path.clone(), entry)].into(),
        units: Vec::new(),
    };
    let mut files = ArtifactSet::default();
    files.insert(path, note);
    pack(&manifest, &files).bytes
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
