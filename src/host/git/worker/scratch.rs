//! The directory a worker has to itself.

use std::fs::{File, OpenOptions};

use camino::{Utf8Path, Utf8PathBuf};
use git2::Repository;

use super::failure::Fail as _;
use crate::host::git::GitFailure;
use crate::host::{Files as _, RealFiles};

/// A directory that no other worker uses meanwhile.
pub(super) struct Directory {
    path: Utf8PathBuf,
    _lock: File,
}

impl Directory {
    /// Waits until it is free: whoever has it has a deadline, and so have we.
    pub(super) fn lock(path: &Utf8Path) -> Result<Self, GitFailure> {
        let file = path.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&file);
        let lock = lock.fail(|| format!("cannot open {file}"))?;
        lock.lock().fail(|| format!("cannot lock {file}"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Something in the directory.
    pub(super) fn join(&self, name: &str) -> Utf8PathBuf {
        self.path.join(name)
    }

    /// An empty repository that lives as long as this run, so that nothing can be in it that a
    /// later run trips over: no pack that was cut off, no lock that a kill left, no growth.
    ///
    /// A gateway's branch has one commit without parents, so older objects would save nothing but
    /// the transfer of a bundle that did not change while its metadata did.
    pub(super) fn scratch(&self) -> Result<Scratch, GitFailure> {
        let path = self.join("scratch.git");
        RealFiles.remove(&path).fail(|| "cannot clear what an earlier run left".into())?;
        let repository = Repository::init_bare(&path);
        let repository = repository.fail(|| format!("cannot make the repository {path}"))?;
        Ok(Scratch { path, repository })
    }
}

/// A repository that goes away with this value, or else when the next one is made.
pub(super) struct Scratch {
    path: Utf8PathBuf,
    pub(super) repository: Repository,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = RealFiles.remove(&self.path);
    }
}
