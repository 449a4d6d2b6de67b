//! A repository as a directory on this machine.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Anchor, AnchorArgs};
use crate::cli::{Context, Exit, Failure};
use crate::host::{FileError, Mode};
use crate::tuf::Request;
use crate::tuf::repository::NewFile;

/// A repository directory: `metadata/` and `targets/`.
pub(in crate::cli) struct Directory {
    path: Utf8PathBuf,
}

impl Directory {
    /// The repository at `path`, relative to `-C`.
    pub(in crate::cli) fn new(path: &Utf8Path, context: &Context) -> Self {
        Self { path: context.path(path) }
    }

    /// Where it is.
    pub(in crate::cli) fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The file that `request` names; `None` where it is not there.
    pub(in crate::cli) fn read(
        &self,
        request: &Request,
        context: &Context,
    ) -> Result<Option<Vec<u8>>, Failure> {
        match context.host.files.read(&self.path.join(&request.path), request.limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(FileError::NotFound { .. }) => Ok(None),
            Err(error) => Err(Failure::new(Exit::Failure, &error)),
        }
    }

    /// The root to verify it from.
    pub(in crate::cli) fn anchor(
        &self,
        args: &AnchorArgs,
        context: &Context,
    ) -> Result<Anchor, Failure> {
        args.find(|request| self.read(request, context), context)?.ok_or_else(|| {
            let path = self.path.join("metadata/1.root.json");
            Failure::say(Exit::Signature, format!("{path} does not exist"))
                .hint("`tieline root init` begins a repository")
        })
    }

    /// Takes a file away, if it is there.
    pub(in crate::cli) fn remove(&self, path: &str, context: &Context) -> Result<(), Failure> {
        let removed = context.host.files.remove(&self.path.join(path));
        removed.map_err(|error| Failure::new(Exit::Failure, &error))
    }

    /// Writes `files` in their order, each whole or not at all. One that is there with the same
    /// content is left alone: most bundles do not change from release to release.
    pub(in crate::cli) fn write(
        &self,
        files: &[NewFile],
        context: &Context,
    ) -> Result<(), Failure> {
        let disk = context.host.files;
        let write = |file: &NewFile| -> Result<(), FileError> {
            let path = self.path.join(&file.path);
            if disk.read(&path, file.content.len() as u64).is_ok_and(|old| old == file.content) {
                return Ok(());
            }
            if let Some(parent) = path.parent() {
                disk.create_dir(parent)?;
            }
            disk.replace(&path, &file.content, Mode::Public)
        };
        files.iter().try_for_each(write).map_err(|error| Failure::new(Exit::Failure, &error))
    }
}
