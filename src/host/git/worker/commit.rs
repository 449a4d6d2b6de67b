//! Commits without a work tree.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};

use super::failure::Fail as _;
use crate::host::git::{Branch, GitFailure};

/// Who commits: fixed, so that the same content gives the same commit on every machine.
const NAME: &str = "Tieline";
const EMAIL: &str = "tieline@localhost";

/// The content of files, each stored once however many branches have it.
#[derive(Default)]
pub(super) struct Blobs(BTreeMap<Utf8PathBuf, Oid>);

impl Blobs {
    fn store(&mut self, repository: &Repository, source: &Utf8Path) -> Result<Oid, GitFailure> {
        if let Some(id) = self.0.get(source) {
            return Ok(*id);
        }
        let id = repository.blob_path(source.as_std_path());
        let id = id.fail(|| format!("cannot read {source}"))?;
        self.0.insert(source.to_owned(), id);
        Ok(id)
    }
}

/// The tree of a branch's files.
pub(super) fn tree(
    repository: &Repository,
    branch: &Branch,
    blobs: &mut Blobs,
) -> Result<Oid, GitFailure> {
    let mut update = TreeUpdateBuilder::new();
    for (path, source) in &branch.files {
        let id = blobs.store(repository, source)?;
        update.upsert(path.as_str(), id, FileMode::Blob);
    }
    let unwritten = || format!("cannot make the tree of {}", branch.name);
    let empty = repository.treebuilder(None).and_then(|builder| builder.write()).fail(unwritten)?;
    let empty = repository.find_tree(empty).fail(unwritten)?;
    update.create_updated(repository, &empty).fail(unwritten)
}

/// A commit of `tree` after `parent`, or without parents. It depends on nothing but its content.
pub(super) fn commit(
    repository: &Repository,
    branch: &Branch,
    tree: Oid,
    parent: Option<Oid>,
) -> Result<Oid, GitFailure> {
    let make = || {
        let who = Signature::new(NAME, EMAIL, &Time::new(branch.time, 0))?;
        let tree = repository.find_tree(tree)?;
        let parent = parent.map(|id| repository.find_commit(id)).transpose()?;
        let parents: Vec<_> = parent.iter().collect();
        repository.commit(None, &who, &who, &branch.message, &tree, &parents)
    };
    make().fail(|| format!("cannot make the commit of {}", branch.name))
}
