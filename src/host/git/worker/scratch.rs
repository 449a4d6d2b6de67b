//! The directory a worker has to itself.

use std::cell::Cell;
use std::fs::File;

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
        let lock = RealFiles::open_lock(&file).fail(|| format!("cannot open {file}"))?;
        lock.lock().fail(|| format!("cannot lock {file}"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Something in the directory.
    pub(super) fn join(&self, name: &str) -> Utf8PathBuf {
        self.path.join(name)
    }

    /// An empty repository. Nothing can be in it that a run trips over: no pack that was cut off,
    /// no lock that a kill left, no growth. A run that has used it throws it away; one that had
    /// nothing to fetch has written nothing.
    ///
    /// A gateway's branch has one commit without parents, so keeping older objects would save
    /// nothing but the transfer of a bundle that did not change while its metadata did.
    pub(super) fn scratch(&self) -> Result<Scratch, GitFailure> {
        let path = self.join("scratch.git");
        let used = Cell::new(false);
        if is_unused(&path)
            && let Ok(repository) = Repository::open_bare(&path)
        {
            return Ok(Scratch { path, repository, used });
        }
        RealFiles.remove(&path).fail(|| "cannot clear what an earlier run left".into())?;
        let repository = Repository::init_bare(&path);
        let repository = repository.fail(|| format!("cannot make the repository {path}"))?;
        Ok(Scratch { path, repository, used })
    }
}

/// Whether the repository at `path` is as it was made, as far as that matters.
fn is_unused(path: &Utf8Path) -> bool {
    let names = |path: &Utf8Path| RealFiles.list(path).unwrap_or_default();
    let leftover = |name: &String| {
        name.starts_with("shallow") || Utf8Path::new(name).extension() == Some("lock")
    };
    names(&path.join("objects")) == ["info", "pack"]
        && names(&path.join("objects/pack")).is_empty()
        && names(&path.join("refs")) == ["heads", "tags"]
        && !names(path).iter().any(leftover)
}

/// An empty repository for this run.
pub(super) struct Scratch {
    path: Utf8PathBuf,
    repository: Repository,
    used: Cell<bool>,
}

impl Scratch {
    /// The repository to ask a remote with.
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The repository to put something into.
    pub(super) fn used(&self) -> &Repository {
        self.used.set(true);
        &self.repository
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.used.get() {
            // What stays is found by the next run.
            let _ = RealFiles.remove(&self.path);
        }
    }
}
