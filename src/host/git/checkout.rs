//! The checkout that a mesh lies in.

use camino::Utf8Path;
use git2::{Repository, Status};

/// Git checkouts on this machine.
pub trait Checkout {
    /// The commit at HEAD, in hexadecimal, if each of `files` is in it exactly as it is on disk.
    /// Not knowing is no error: the answer is only ever a note to people.
    fn commit_of(&self, files: &[&Utf8Path]) -> Option<String>;

    /// Whether `commit` comes after `earlier`, in the repository that `file` lies in. `None` where
    /// that is not known here, as in a clone without its history.
    fn contains(&self, file: &Utf8Path, commit: &str, earlier: &str) -> Option<bool>;
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
}
