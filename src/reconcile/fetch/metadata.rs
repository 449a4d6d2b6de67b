//! The trusted metadata on disk.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::host::{FileError, Files, Mode, TEMPORARY};
use crate::reconcile::config::Paths;
use crate::tuf::{Stored, Update};

/// Far more than the metadata of any mesh, in bytes. What is too large here was not written here.
const LIMIT: u64 = 64 << 20;

/// A directory with what a client trusts, a file each: `root.json`, `timestamp.json`,
/// `snapshot.json`, `targets.json`, and those of delegated roles.
#[derive(Debug, Clone)]
pub struct MetadataDirectory {
    path: Utf8PathBuf,
    content: BTreeMap<String, Vec<u8>>,
    /// What a run left that was killed while it wrote.
    unfinished: Vec<String>,
}

impl MetadataDirectory {
    /// Reads the directory; empty where there is none.
    pub fn read(files: &dyn Files, path: &Utf8Path) -> Result<Self, FileError> {
        let (mut content, mut unfinished) = (BTreeMap::new(), Vec::new());
        for name in files.list(path)? {
            if Stored::is_file(&name) {
                let bytes = files.read(&path.join(&name), LIMIT)?;
                content.insert(name, bytes);
            } else if name.starts_with(TEMPORARY) {
                unfinished.push(name);
            }
        }
        Ok(Self { path: path.to_owned(), content, unfinished })
    }

    /// What it holds; the root is the provisioned one where there is none in it.
    pub fn stored<E>(&self, provisioned: impl FnOnce() -> Result<Vec<u8>, E>) -> Result<Stored, E> {
        let root = self.content.get("root.json").map_or_else(provisioned, |root| Ok(root.clone()));
        Ok(Stored::of_files(self.content.clone(), root?))
    }

    /// Makes the directory hold what an update trusts by now, in such an order that whatever a
    /// crash leaves of it is a state that the next update goes on from.
    pub fn save(&self, files: &dyn Files, update: &Update) -> Result<(), FileError> {
        let changes = update.changes(&self.content);
        if changes.is_empty() {
            return Ok(());
        }
        files.create_dir(&self.path)?;
        for name in &self.unfinished {
            files.remove(&self.path.join(name))?;
        }
        for change in changes {
            let path = self.path.join(&change.file);
            if let Some(content) = change.content {
                files.replace(&path, &content, Mode::Public)?;
            } else {
                files.remove(&path)?;
                files.sync_dir(&self.path)?;
            }
        }
        Ok(())
    }
}

/// Where a gateway keeps its metadata.
pub(super) fn read(files: &dyn Files, paths: &Paths) -> Result<MetadataDirectory, FileError> {
    MetadataDirectory::read(files, &paths.state.join("metadata"))
}

/// What this gateway trusts: what earlier updates left in the state directory, or else the root it
/// was provisioned with.
pub(in crate::reconcile) fn load(files: &dyn Files, paths: &Paths) -> Result<Stored, FileError> {
    read(files, paths)?.stored(|| provisioned(files, paths))
}

/// The root this gateway was provisioned with.
pub(super) fn provisioned(files: &dyn Files, paths: &Paths) -> Result<Vec<u8>, FileError> {
    files.read(&paths.root, LIMIT)
}
