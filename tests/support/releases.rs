//! A signed repository of a mesh, and a git repository that gateways fetch from.

#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::Command;

use tieline::bundle::{Build, BuiltBundle, Bundle};
use tieline::compile::compile;
use tieline::model::NumberedMesh;
use tieline::primitives::{Digest, Name};
use tieline::tuf::repository::{
    Audit, NewFile, ReleaseTerms, RepositoryError, RoleTerms, RootTerms, first_root, release,
};
use tieline::tuf::{KeyPair, Signer, UtcTime};

use super::mesh;

/// A repository directory with one key for each role, where everything was signed ten days ago.
pub struct Repository {
    pub directory: PathBuf,
    keys: [KeyPair; 4],
    now: UtcTime,
}

impl Repository {
    /// A new repository for the mesh `test`, whose keys come from `seed`.
    pub fn new(directory: &Path, seed: u8) -> Self {
        let keys = [0, 1, 2, 3].map(|role| KeyPair::from_seed(&[seed + role; 32]));
        let ten_days = std::time::Duration::from_hours(240);
        let now = UtcTime::from_clock((std::time::SystemTime::now() - ten_days).into());
        let role = |key: &KeyPair| RoleTerms {
            keys: vec![key.public().clone()],
            threshold: NonZeroU64::MIN,
        };
        let terms = RootTerms {
            mesh: mesh::name("test"),
            root: role(&keys[0]),
            targets: role(&keys[1]),
            snapshot: role(&keys[2]),
            timestamp: role(&keys[3]),
            signed_at: now,
            expires: now.plus_days(365),
        };
        let files = first_root(&terms, &[&keys[0]]).unwrap();
        let repository = Self { directory: directory.to_owned(), keys, now };
        repository.write(&files);
        repository
    }

    /// What gateways are provisioned with.
    pub fn root(&self) -> Vec<u8> {
        fs::read(self.directory.join("metadata/root.json")).unwrap()
    }

    /// Signs a release of `mesh`, valid for `days` since then, and says its number.
    pub fn release(&self, mesh: &NumberedMesh, days: u32) -> u64 {
        self.release_bundles(&compile(mesh), days)
    }

    /// Signs a release of these bundles.
    pub fn release_bundles(&self, bundles: &BTreeMap<Name, Bundle>, days: u32) -> u64 {
        let bytes: BTreeMap<_, _> =
            bundles.iter().map(|(name, bundle)| (name.clone(), bundle.bytes.clone())).collect();
        self.release_bytes(&bytes, days)
    }

    /// Signs a release of these bytes, whatever they are.
    pub fn release_bytes(&self, bundles: &BTreeMap<Name, Vec<u8>>, days: u32) -> u64 {
        let entry =
            |bytes: &Vec<u8>| BuiltBundle { length: bytes.len() as u64, sha256: Digest::of(bytes) };
        let build = Build {
            format: Build::FORMAT,
            mesh: mesh::name("test"),
            source_commit: None,
            tieline: None,
            gateways: bundles.iter().map(|(name, bytes)| (name.clone(), entry(bytes))).collect(),
        };
        let previous: Result<Audit, RepositoryError> =
            Audit::new(
                self.root(),
                |request| Ok(fs::read(self.directory.join(&request.path)).ok()),
            );
        let expires = self.now.plus_days(days);
        let terms = ReleaseTerms {
            signed_at: self.now,
            targets_expire: expires,
            snapshot_expires: expires,
            timestamp_expires: expires,
        };
        let signers: Vec<&dyn Signer> = self.keys.iter().map(|key| key as &dyn Signer).collect();
        let new = release(&previous.unwrap(), &build, bundles, &terms, &signers).unwrap();
        self.write(&new.files);
        new.number
    }

    fn write(&self, files: &[NewFile]) {
        for file in files {
            let path = self.directory.join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &file.content).unwrap();
        }
    }
}

/// A bare git repository on this machine.
pub struct Git {
    pub directory: PathBuf,
}

impl Git {
    pub fn new(directory: &Path) -> Self {
        run(Command::new("git").args(["init", "-q", "--bare"]).arg(directory));
        Self { directory: directory.to_owned() }
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.directory.display())
    }

    /// Makes `gateway/<name>` hold what a gateway needs of `repository`, with nothing but git.
    pub fn publish(&self, repository: &Repository, gateway: &str) {
        self.publish_with(repository, gateway, |_| {});
    }

    /// The same, after `tamper` did what it likes to the files.
    pub fn publish_with(&self, repository: &Repository, gateway: &str, tamper: impl Fn(&Path)) {
        let tree = tempfile::tempdir().unwrap();
        for part in ["metadata", "targets"] {
            let from = repository.directory.join(part);
            fs::create_dir(tree.path().join(part)).unwrap();
            for entry in fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                // A branch holds the metadata a gateway may ask for, and its own bundle.
                let wanted = part == "metadata" && name != "root.json"
                    || name.ends_with(&format!(".{gateway}.tar.gz"));
                if wanted {
                    fs::copy(entry.path(), tree.path().join(part).join(name)).unwrap();
                }
            }
        }
        tamper(tree.path());
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.arg("--git-dir").arg(&self.directory).arg("--work-tree").arg(tree.path());
            command.args(arguments);
            command.env("GIT_AUTHOR_NAME", "test").env("GIT_AUTHOR_EMAIL", "test@example.net");
            command
                .env("GIT_COMMITTER_NAME", "test")
                .env("GIT_COMMITTER_EMAIL", "test@example.net");
            command.env("GIT_INDEX_FILE", tree.path().with_extension("index"));
            run(&mut command)
        };
        git(&["add", "--all", "--force", "."]);
        let written = git(&["write-tree"]);
        let commit = git(&["commit-tree", "-m", "release", written.trim()]);
        git(&["update-ref", &format!("refs/heads/gateway/{gateway}"), commit.trim()]);
        let _ = fs::remove_file(tree.path().with_extension("index"));
    }
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
