//! The checkout that a mesh lies in.

use camino::{Utf8Path, Utf8PathBuf};
use git2::{ErrorCode, ObjectType, Repository, Status};

/// Git checkouts on this machine.
pub trait Checkout {
    /// The commit at HEAD, in hexadecimal, if each of `files` is in it exactly as it is on disk.
    /// Not knowing is no error: the answer is only ever a note to people.
    fn commit_of(&self, files: &[&Utf8Path]) -> Option<String>;

    /// Whether `commit` comes after `earlier`, in the repository that `file` lies in. `None` where
    /// that is not known here, as in a clone without its history.
    fn contains(&self, file: &Utf8Path, commit: &str, earlier: &str) -> Option<bool>;

    /// The bytes of `file`, which need not be there now, as `commit` has it; `None` where that has
    /// no such file. At most `limit` bytes.
    fn file_in(
        &self,
        file: &Utf8Path,
        commit: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, CheckoutError>;
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

    fn contains(&self, file: &Utf8Path, commit: &str, earlier: &str) -> Option<bool> {
        let directory = file.parent().filter(|path| !path.as_str().is_empty());
        let directory = directory.unwrap_or(Utf8Path::new(".")).canonicalize_utf8().ok()?;
        let repository = Repository::discover(directory).ok()?;
        let id = |text: &str| git2::Oid::from_str(text).ok();
        repository.graph_descendant_of(id(commit)?, id(earlier)?).ok()
    }

    fn file_in(
        &self,
        file: &Utf8Path,
        commit: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, CheckoutError> {
        let directory = file.parent().filter(|path| !path.as_str().is_empty());
        let directory = directory.unwrap_or(Utf8Path::new("."));
        let none = || CheckoutError::NoRepository { directory: directory.to_owned() };
        let place = directory.canonicalize_utf8().map_err(|_| none())?;
        let repository = Repository::discover(&place).map_err(|_| none())?;
        let root = repository.workdir().and_then(|root| root.canonicalize().ok());
        let root = root.ok_or_else(none)?;
        let inside = place.as_std_path().strip_prefix(&root).map_err(|_| none())?;
        let inside = inside.join(file.file_name().unwrap_or_default());
        let unknown =
            || CheckoutError::NoCommit { directory: place.clone(), commit: commit.to_owned() };
        let id = git2::Oid::from_str(commit).map_err(|_| unknown())?;
        let tree = repository.find_commit(id).and_then(|commit| commit.tree());
        let tree = tree.map_err(|_| unknown())?;
        let git = |source| CheckoutError::Git {
            file: file.to_owned(),
            commit: commit.to_owned(),
            source,
        };
        let entry = match tree.get_path(&inside) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(git(error)),
        };
        // The size stands in the object's header: nothing large is read.
        let database = repository.odb().map_err(git)?;
        let (size, kind) = database.read_header(entry.id()).map_err(git)?;
        if kind != ObjectType::Blob {
            return Ok(None);
        }
        if size as u64 > limit {
            let (file, commit) = (file.to_owned(), commit.to_owned());
            return Err(CheckoutError::TooLarge { file, commit, limit });
        }
        let blob = repository.find_blob(entry.id()).map_err(git)?;
        Ok(Some(blob.content().to_vec()))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make files as an editor does")]
mod tests {
    use super::*;

    /// A repository with mesh.yaml in its first commit.
    fn repository(root: &Utf8Path) -> String {
        let repository = Repository::init(root).unwrap();
        std::fs::write(root.join("mesh.yaml"), "mesh: a\n").unwrap();
        let mut index = repository.index().unwrap();
        index.add_path("mesh.yaml".as_ref()).unwrap();
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
        let (mesh, lock) = (root.join("mesh.yaml"), root.join("mesh.lock"));
        let missing = "0123456789abcdef0123456789abcdef01234567";
        let nowhere = RealCheckout.file_in(&mesh, missing, 100);
        assert!(matches!(nowhere, Err(CheckoutError::NoRepository { .. })), "{nowhere:?}");
        let commit = repository(root);
        std::fs::write(&mesh, "mesh: b\n").unwrap();
        let read = |file, commit, limit| RealCheckout.file_in(file, commit, limit);
        assert_eq!(read(&mesh, &commit, 8).unwrap(), Some(b"mesh: a\n".to_vec()));
        assert_eq!(read(&lock, &commit, 8).unwrap(), None);
        assert!(matches!(read(&mesh, &commit, 7), Err(CheckoutError::TooLarge { .. })));
        assert!(matches!(read(&mesh, missing, 8), Err(CheckoutError::NoCommit { .. })));
        assert!(matches!(read(&mesh, "HEAD", 8), Err(CheckoutError::NoCommit { .. })));
    }
}
