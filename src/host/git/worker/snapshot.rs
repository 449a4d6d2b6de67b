//! From a commit's tree to plain files, and whether they are all there.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use camino::Utf8Path;
use git2::{ObjectType, Oid, Repository, TreeEntry};

use super::failure::{Fail as _, failure};
use crate::host::git::{FailureKind, GitFailure, Limits};
use crate::host::{Files as _, Mode, RealFiles};

/// The directories of a TUF repository. Anything else in the tree is none of our business.
const METADATA: &str = "metadata";
const TARGETS: &str = "targets";

/// The list of what was written, beside the two directories.
const LISTING: &str = "listing";

/// The longest name of a file, in bytes: a digest, a dot, a gateway's name and an ending.
const MAX_NAME: usize = 200;

/// The largest listing that is read, in bytes.
const MAX_LISTING: u64 = 1 << 20;

/// What is wanted of a branch.
pub(super) struct Wanted<'a> {
    pub(super) branch: &'a str,
    pub(super) targets: bool,
    pub(super) limits: &'a Limits,
}

/// Writes the files of `commit` below `to`, within limits.
pub(super) fn write(
    repository: &Repository,
    commit: Oid,
    wanted: &Wanted,
    to: &Utf8Path,
) -> Result<(), GitFailure> {
    let unreadable = || "cannot read what was fetched".to_owned();
    let tree = repository.find_commit(commit).and_then(|commit| commit.tree()).fail(unreadable)?;
    let mut budget = Budget { wanted, files: 0, bytes: 0 };
    let mut listing = String::new();
    let directories: &[&str] = if wanted.targets { &[METADATA, TARGETS] } else { &[METADATA] };
    for directory in directories {
        let target = to.join(directory);
        make_dir(&target)?;
        let Some(entry) = tree.get_name(directory) else {
            continue;
        };
        if entry.kind() != Some(ObjectType::Tree) {
            return Err(odd(directory, "is not a directory"));
        }
        let subtree = repository.find_tree(entry.id()).fail(unreadable)?;
        for entry in &subtree {
            let name = safe_name(directory, &entry)?;
            let path = format!("{directory}/{name}");
            let blob = content(repository, &entry, &path, &mut budget)?;
            RealFiles
                .create(&target.join(name), blob.content(), Mode::Public)
                .fail(|| "cannot write what was fetched".into())?;
            let _ = writeln!(listing, "{} {path}", entry.id());
        }
    }
    let listing = format!("{}\n{listing}", budget.files);
    RealFiles
        .create(&to.join(LISTING), listing.as_bytes(), Mode::Public)
        .fail(|| "cannot write what was fetched".into())
}

/// Whether `directory` has exactly the files it was written with, each with its content.
pub(super) fn is_whole(directory: &Utf8Path) -> bool {
    let Ok(listing) = RealFiles.read(&directory.join(LISTING), MAX_LISTING) else {
        return false;
    };
    let Ok(listing) = String::from_utf8(listing) else {
        return false;
    };
    let Some((count, lines)) = listing.split_once('\n') else {
        return false;
    };
    let mut expected = BTreeSet::new();
    for line in lines.lines() {
        let Some((id, path)) = line.split_once(' ') else {
            return false;
        };
        if !holds(&directory.join(path), id) {
            return false;
        }
        expected.insert(path.to_owned());
    }
    let mut found = BTreeSet::new();
    for sub in [METADATA, TARGETS] {
        let names = RealFiles.list(&directory.join(sub)).unwrap_or_default();
        found.extend(names.iter().map(|name| format!("{sub}/{name}")));
    }
    count.parse() == Ok(expected.len()) && found == expected
}

/// Whether the regular file at `path` has the content of the blob `id`.
fn holds(path: &Utf8Path, id: &str) -> bool {
    let regular = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    regular && Oid::hash_file(ObjectType::Blob, path).is_ok_and(|hash| hash.to_string() == id)
}

/// What may still be written.
struct Budget<'a> {
    wanted: &'a Wanted<'a>,
    files: u64,
    bytes: u64,
}

impl Budget<'_> {
    /// Takes a file of `length` bytes off it.
    fn spend(&mut self, path: &str, length: u64) -> Result<(), GitFailure> {
        let limits = self.wanted.limits;
        self.files += 1;
        self.bytes = self.bytes.saturating_add(length);
        let over = [
            (self.files, limits.files, "files"),
            (length, limits.file, "bytes in one file"),
            (self.bytes, limits.total, "bytes in all files"),
        ];
        match over.into_iter().find(|(count, limit, _)| count > limit) {
            Some((_, limit, what)) => {
                let message = format!("at {path}: more than the {limit} {what} that are accepted");
                Err(failure(FailureKind::Limit, message))
            }
            None => Ok(()),
        }
    }
}

/// The content of a regular file, whose size is looked at before it is unpacked.
fn content<'r>(
    repository: &'r Repository,
    entry: &TreeEntry,
    path: &str,
    budget: &mut Budget,
) -> Result<git2::Blob<'r>, GitFailure> {
    // Symbolic links are blobs too, and submodules are commits (git-fast-import(1), "filemodify").
    if !matches!(entry.filemode(), 0o100_644 | 0o100_755) {
        return Err(odd(path, "is not a regular file"));
    }
    let unreadable = || format!("cannot read {path} of what was fetched");
    let (length, _) =
        repository.odb().and_then(|odb| odb.read_header(entry.id())).fail(unreadable)?;
    budget.spend(path, length as u64)?;
    repository.find_blob(entry.id()).fail(unreadable)
}

/// The name of an entry, if it is one that a TUF repository may hold.
fn safe_name<'e>(directory: &str, entry: &'e TreeEntry) -> Result<&'e str, GitFailure> {
    // The names of delegated roles are percent-encoded (RFC 3986).
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~' | b'%');
    let name = entry.name().ok().filter(|name| {
        !name.starts_with('.') && name.len() <= MAX_NAME && name.bytes().all(allowed)
    });
    name.filter(|name| !name.is_empty()).ok_or_else(|| {
        let name = String::from_utf8_lossy(entry.name_bytes());
        odd(&format!("{directory}/{}", name.escape_debug()), "has a name that is not accepted")
    })
}

fn make_dir(path: &Utf8Path) -> Result<(), GitFailure> {
    RealFiles.create_dir(path).fail(|| "cannot write what was fetched".into())
}

fn odd(path: &str, what: &str) -> GitFailure {
    failure(FailureKind::Tree, format!("this is no TUF repository: {path} {what}"))
}
