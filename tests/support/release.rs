//! TUF repositories, really signed, with bundles that hold next to nothing.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use camino::Utf8PathBuf;
use tieline::bundle::{Build, BuiltBundle, FileEntry, Manifest, pack};
use tieline::host::{Clock as _, RealClock};
use tieline::primitives::{ArtifactSet, Digest};
use tieline::tuf::repository::{
    Audit, NewFile, ReleaseTerms, RepositoryError, RoleTerms, RootTerms, first_root, release,
};
use tieline::tuf::{KeyPair, Request, Signer, UtcTime};

const MESH: &str = "acme";

/// A repository directory to which releases are added. All have the same root.
pub struct Releases {
    directory: tempfile::TempDir,
}

impl Releases {
    pub fn new() -> Self {
        let releases = Self { directory: tempfile::tempdir().unwrap() };
        for name in ["metadata", "targets"] {
            fs::create_dir(releases.directory.path().join(name)).unwrap();
        }
        let key = key();
        let role = RoleTerms { keys: vec![key.public().clone()], threshold: NonZeroU64::MIN };
        let signed_at: UtcTime = "2026-01-01T00:00:00Z".parse().unwrap();
        let terms = RootTerms {
            mesh: MESH.parse().unwrap(),
            root: role.clone(),
            targets: role.clone(),
            snapshot: role.clone(),
            timestamp: role,
            signed_at,
            expires: signed_at.plus_days(36_500),
        };
        releases.write(&first_root(&terms, &[&key as &dyn Signer]).unwrap());
        releases
    }

    /// A copy that goes its own way from here.
    pub fn fork(&self) -> Self {
        let copy = Self { directory: tempfile::tempdir().unwrap() };
        for (path, content) in files(self.directory.path()) {
            copy.write(&[NewFile { path, content }]);
        }
        copy
    }

    /// Where it is.
    pub fn path(&self) -> Utf8PathBuf {
        self.directory.path().to_owned().try_into().unwrap()
    }

    /// Adds a release with these gateways, and this in their bundles. Gives back its number.
    pub fn add(&self, contents: &[(&str, &str)]) -> u64 {
        let read = |request: &Request| -> Result<_, RepositoryError> {
            Ok(fs::read(self.directory.path().join(&request.path)).ok())
        };
        let root = fs::read(self.directory.path().join("metadata/1.root.json")).unwrap();
        let audit = Audit::new(root, read).unwrap();
        let bundles: BTreeMap<_, _> = contents
            .iter()
            .map(|(gateway, content)| (gateway.parse().unwrap(), bundle(gateway, content)))
            .collect();
        let entry =
            |bytes: &Vec<u8>| BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(bytes) };
        let build = Build {
            format: Build::FORMAT,
            mesh: MESH.parse().unwrap(),
            source_commit: None,
            gateways: bundles
                .iter()
                .map(|(name, bytes)| (Clone::clone(name), entry(bytes)))
                .collect(),
        };
        let signed_at = UtcTime::from_clock(RealClock.now());
        let end = signed_at.plus_days(3650);
        let terms = ReleaseTerms {
            signed_at,
            targets_expire: end,
            snapshot_expires: end,
            timestamp_expires: end,
        };
        let new = release(&audit, &build, &bundles, &terms, &[&key() as &dyn Signer]).unwrap();
        self.write(&new.files);
        new.number
    }

    fn write(&self, files: &[NewFile]) {
        for file in files {
            let path = self.directory.path().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &file.content).unwrap();
        }
    }
}

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

/// The bundle of a gateway with this in its one file.
pub fn bundle(gateway: &str, content: &str) -> Vec<u8> {
    let path: tieline::primitives::ArtifactPath = "note".parse().unwrap();
    let entry = FileEntry { length: content.len() as u64, sha256: Digest::of(content.as_bytes()) };
    let manifest = Manifest {
        format: Manifest::FORMAT,
        mesh: MESH.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        identity: Vec::new(),
        files: [(path.clone(), entry)].into(),
        units: Vec::new(),
    };
    let mut files = ArtifactSet::default();
    files.insert(path, content);
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
