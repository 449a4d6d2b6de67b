//! The checkout that a mesh lies in.

use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ErrorCode, ObjectType, Repository, Status, TreeEntry};

use crate::host::Kind;

/// Git checkouts on this machine.
pub trait Checkout {
    /// The commit at HEAD, in hexadecimal, if each of `files` is in it exactly as it is on disk.
    /// Not knowing is no error: the answer is only ever a note to people.
    fn commit_of(&self, files: &[&Utf8Path]) -> Option<String>;

    /// Whether a file lies in the work tree of a repository.
    fn has(&self, file: &Utf8Path) -> bool;

    /// Whether `commit` comes after `earlier`, in the repository that `file` lies in.
    fn follows(&self, file: &Utf8Path, commit: &str, earlier: &str) -> Follows;

    /// The files of `commit` in and below `directory`, which has to be there.
    fn tree(
        &self,
        directory: &Utf8Path,
        commit: &str,
    ) -> Result<Box<dyn CommittedFiles>, CheckoutError>;
}

/// Whether one commit comes after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// This is a shallow clone (git-clone(1), `--depth`), without the history that would tell.
    CutOff,
    /// One of them is not in this repository, or there is none.
    Unknown,
}

/// The files that a commit has in and below a directory. Paths count from there.
pub trait CommittedFiles {
    /// What is in a directory, in the order of the names; nothing where it is none.
    fn list(&self, directory: &Utf8Path) -> Result<Vec<(String, Kind)>, CheckoutError>;

    /// The bytes of a file, at most `limit`; `None` where there is no such file.
    fn read(&self, file: &Utf8Path, limit: u64) -> Result<Option<Vec<u8>>, CheckoutError>;
}

/// Why a commit cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// There is no repository.
    #[error("{directory} is in no git repository")]
    NoRepository {
        /// The directory.
        directory: Utf8PathBuf,
    },
    /// The repository does not have the commit.
    #[error("the git repository of {directory} does not have commit {commit}")]
    NoCommit {
        /// The directory.
        directory: Utf8PathBuf,
        /// The commit.
        commit: String,
    },
    /// The file is larger than it may be.
    #[error("{file} in commit {commit} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        file: Utf8PathBuf,
        /// The commit.
        commit: String,
        /// The limit.
        limit: u64,
    },
    /// Git could not read it.
    #[error("cannot read {file} in commit {commit}")]
    Git {
        /// The file.
        file: Utf8PathBuf,
        /// The commit.
        commit: String,
        /// What git says.
        source: git2::Error,
    },
}

/// The checkouts that libgit2 finds.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealCheckout;

impl Checkout for RealCheckout {
    fn commit_of(&self, files: &[&Utf8Path]) -> Option<String> {
        let first = files.first()?.canonicalize_utf8().ok()?;
        let repository = Repository::discover(first.parent()?).ok()?;
        let root = repository.workdir()?.canonicalize().ok()?;
        for file in files {
            let file = file.canonicalize_utf8().ok()?;
            let inside = file.as_std_path().strip_prefix(&root).ok()?;
            if repository.status_file(inside).ok()? != Status::CURRENT {
                return None;
            }
        }
        let commit = repository.head().ok()?.peel_to_commit().ok()?;
        Some(commit.id().to_string())
    }

    fn has(&self, file: &Utf8Path) -> bool {
        file.is_file() && repository_of(file).is_some_and(|found| found.workdir().is_some())
    }

    fn follows(&self, file: &Utf8Path, commit: &str, earlier: &str) -> Follows {
        let Some(repository) = repository_of(file) else { return Follows::Unknown };
        let id = |text: &str| git2::Oid::from_str(text).ok();
        let descends =
            |one: &str, other: &str| repository.graph_descendant_of(id(one)?, id(other)?).ok();
        match (descends(commit, earlier), repository.is_shallow()) {
            (Some(true), _) => Follows::Yes,
            (Some(false), false) => Follows::No,
            // What is missing could still be between the two.
            (Some(false), true) if descends(earlier, commit) == Some(true) => Follows::No,
            (_, true) => Follows::CutOff,
            (None, false) => Follows::Unknown,
        }
    }

    fn tree(
        &self,
        directory: &Utf8Path,
        commit: &str,
    ) -> Result<Box<dyn CommittedFiles>, CheckoutError> {
        Ok(Box::new(CommitTree::open(directory, commit)?))
    }
}

/// The repository that a file lies in.
fn repository_of(file: &Utf8Path) -> Option<Repository> {
    let directory = file.parent().filter(|path| !path.as_str().is_empty());
    let directory = directory.unwrap_or(Utf8Path::new(".")).canonicalize_utf8().ok()?;
    Repository::discover(directory).ok()
}

/// A directory as a commit has it.
struct CommitTree {
    repository: Repository,
    commit: git2::Oid,
    /// From the root of the repository.
    directory: PathBuf,
}

impl CommitTree {
    fn open(directory: &Utf8Path, commit: &str) -> Result<Self, CheckoutError> {
        let directory = if directory.as_str().is_empty() { Utf8Path::new(".") } else { directory };
        let none = || CheckoutError::NoRepository { directory: directory.to_owned() };
        let place = directory.canonicalize_utf8().map_err(|_| none())?;
        let repository = Repository::discover(&place).map_err(|_| none())?;
        let root = repository.workdir().and_then(|root| root.canonicalize().ok());
        let root = root.ok_or_else(none)?;
        let inside = place.as_std_path().strip_prefix(&root).map_err(|_| none())?.to_owned();
        let unknown = || CheckoutError::NoCommit { directory: place, commit: commit.to_owned() };
        let id = git2::Oid::from_str(commit).ok();
        let id = id.filter(|id| repository.find_commit(*id).is_ok()).ok_or_else(unknown)?;
        Ok(Self { repository, commit: id, directory: inside })
    }

    /// What is at a path: the directory itself for an empty one.
    fn at(&self, path: &Utf8Path) -> Result<Option<(git2::Oid, Kind)>, git2::Error> {
        let root = self.repository.find_commit(self.commit)?.tree()?;
        let path = self.directory.join(path);
        if path.as_os_str().is_empty() {
            return Ok(Some((root.id(), Kind::Directory)));
        }
        match root.get_path(&path) {
            Ok(entry) => Ok(Some((entry.id(), kind(&entry)))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn failed(&self, file: &Utf8Path) -> impl Fn(git2::Error) -> CheckoutError {
        let (file, commit) = (file.to_owned(), self.commit.to_string());
        move |source| CheckoutError::Git { file: file.clone(), commit: commit.clone(), source }
    }
}

/// The kind of an entry (gitformat-tree): what is no file, directory or link is a submodule.
fn kind(entry: &TreeEntry) -> Kind {
    match (entry.kind(), entry.filemode()) {
        (Some(ObjectType::Tree), _) => Kind::Directory,
        (Some(ObjectType::Blob), 0o120_000) => Kind::Link,
        (Some(ObjectType::Blob), mode) => Kind::File { mode: mode.cast_unsigned() & 0o7777 },
        _ => Kind::Other,
    }
}

impl CommittedFiles for CommitTree {
    fn list(&self, directory: &Utf8Path) -> Result<Vec<(String, Kind)>, CheckoutError> {
        let failed = self.failed(directory);
        let Some((id, Kind::Directory)) = self.at(directory).map_err(&failed)? else {
            return Ok(Vec::new());
        };
        let tree = self.repository.find_tree(id).map_err(&failed)?;
        let entries = tree.iter().filter_map(|entry| {
            // A name that is not UTF-8 is none that anybody could have written down.
            Some((entry.name().ok()?.to_owned(), kind(&entry)))
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(entries)
    }

    fn read(&self, file: &Utf8Path, limit: u64) -> Result<Option<Vec<u8>>, CheckoutError> {
        let failed = self.failed(file);
        let Some((id, Kind::File { .. })) = self.at(file).map_err(&failed)? else {
            return Ok(None);
        };
        // The size stands in the object's header: nothing large is read.
        let database = self.repository.odb().map_err(&failed)?;
        let (size, _) = database.read_header(id).map_err(&failed)?;
        if size as u64 > limit {
            let (file, commit) = (file.to_owned(), self.commit.to_string());
            return Err(CheckoutError::TooLarge { file, commit, limit });
        }
        let blob = self.repository.find_blob(id).map_err(&failed)?;
        Ok(Some(blob.content().to_vec()))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files as an editor does")]
mod tests {
    use super::*;

    #[test]
    fn lists_what_a_commit_has() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        std::fs::create_dir(root.join("lans")).unwrap();
        std::fs::write(root.join("lans/perth.yaml"), "lans: {}\n").unwrap();
        std::os::unix::fs::symlink("perth.yaml", root.join("lans/hobart.yaml")).unwrap();
        let commit = repository(root);
        // What is on disk now does not matter.
        std::fs::remove_dir_all(root.join("lans")).unwrap();
        let committed = RealCheckout.tree(root, &commit).unwrap();
        let file = Kind::File { mode: 0o644 };
        let (hobart, perth) = ("hobart.yaml".to_owned(), "perth.yaml".to_owned());
        let lans = committed.list("lans".into()).unwrap();
        assert_eq!(lans, [(hobart, Kind::Link), (perth, file)]);
        let all = committed.list("".into()).unwrap();
        assert_eq!(all, [("lans".to_owned(), Kind::Directory), ("mesh.yaml".to_owned(), file)]);
        assert_eq!(committed.list("mesh.yaml".into()).unwrap(), []);
        assert_eq!(committed.list("nothing".into()).unwrap(), []);
        assert_eq!(committed.read("lans/perth.yaml".into(), 9).unwrap().unwrap(), b"lans: {}\n");
        assert_eq!(committed.read("lans/hobart.yaml".into(), 99).unwrap(), None, "a link");
        assert_eq!(committed.read("lans".into(), 99).unwrap(), None, "a directory");
        assert_eq!(committed.read("../mesh.yaml".into(), 99).ok().flatten(), None);
    }

    /// A repository with mesh.yaml, and whatever is there already, in its first commit.
    fn repository(root: &Utf8Path) -> String {
        let repository = Repository::init(root).unwrap();
        std::fs::write(root.join("mesh.yaml"), "mesh: a\n").unwrap();
        let mut index = repository.index().unwrap();
        index.add_all(["."], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.write().unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        let someone = git2::Signature::now("someone", "someone@example.net").unwrap();
        let commit = repository.commit(Some("HEAD"), &someone, &someone, "first", &tree, &[]);
        commit.unwrap().to_string()
    }

    #[test]
    fn knows_the_commit_of_what_is_committed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let mesh = root.join("mesh.yaml");
        assert_eq!(RealCheckout.commit_of(&[&mesh]), None, "no file, no repository");
        let commit = repository(root);
        assert_eq!(RealCheckout.commit_of(&[&mesh]), Some(commit.clone()));

        let lock = root.join("mesh.lock");
        std::fs::write(&lock, "1 a\n").unwrap();
        assert_eq!(RealCheckout.commit_of(&[&mesh, &lock]), None, "mesh.lock is not committed");
        assert_eq!(RealCheckout.commit_of(&[&mesh]), Some(commit), "it does not matter here");
        std::fs::write(&mesh, "mesh: b\n").unwrap();
        assert_eq!(RealCheckout.commit_of(&[&mesh]), None, "mesh.yaml was changed");
    }

    #[test]
    fn reads_what_a_commit_has() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        let mesh = root.join("mesh.yaml");
        let missing = "0123456789abcdef0123456789abcdef01234567";
        let tree = |commit: &str| RealCheckout.tree(root, commit);
        assert!(matches!(tree(missing).err(), Some(CheckoutError::NoRepository { .. })));
        let commit = repository(root);
        std::fs::write(&mesh, "mesh: b\n").unwrap();
        assert!(matches!(tree(missing).err(), Some(CheckoutError::NoCommit { .. })));
        assert!(matches!(tree("HEAD").err(), Some(CheckoutError::NoCommit { .. })));
        let committed = tree(&commit).unwrap();
        let read = |file: &str, limit| committed.read(file.into(), limit);
        assert_eq!(read("mesh.yaml", 8).unwrap(), Some(b"mesh: a\n".to_vec()));
        assert_eq!(read("mesh.lock", 8).unwrap(), None);
        assert!(matches!(read("mesh.yaml", 7), Err(CheckoutError::TooLarge { .. })));
    }
}
