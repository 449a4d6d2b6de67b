//! The files of a mesh, on disk or in a commit. Paths count from the directory of mesh.yaml.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::{Context, Exit, Failure};
use crate::host::git::{CheckoutError, CommittedFiles};
use crate::host::{FileError, Files, Kind};

/// What reading a file gives.
pub(super) enum Content {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It is not there.
    Missing,
    /// It has more bytes than it may have.
    TooLarge,
}

/// The files in and below the directory of a mesh.yaml.
pub(super) enum MeshDirectory<'a> {
    /// As they are.
    Disk { files: &'a dyn Files, directory: Utf8PathBuf },
    /// As a commit has them.
    Commit { files: Box<dyn CommittedFiles>, directory: Utf8PathBuf, commit: &'a str },
}

impl<'a> MeshDirectory<'a> {
    /// The directory in which `mesh` lies on disk.
    pub(super) fn on_disk(mesh: &Utf8Path, context: &Context<'a>) -> Self {
        Self::Disk { files: context.host.files, directory: directory_of(mesh) }
    }

    /// The same directory in a commit of the repository that it lies in.
    pub(super) fn in_commit(
        mesh: &Utf8Path,
        commit: &'a str,
        context: &Context,
    ) -> Result<Self, CheckoutError> {
        let directory = directory_of(mesh);
        let files = context.host.checkout.tree(&directory, commit)?;
        Ok(Self::Commit { files, directory, commit })
    }

    /// What a file is called in messages.
    pub(super) fn name(&self, file: &Utf8Path) -> String {
        match self {
            Self::Disk { directory, .. } => directory.join(file).into_string(),
            Self::Commit { directory, commit, .. } => {
                format!("{} in commit {commit}", directory.join(file))
            }
        }
    }

    /// At most `limit` bytes of a file.
    pub(super) fn read(&self, file: &Utf8Path, limit: u64) -> Result<Content, Failure> {
        match self {
            Self::Disk { files, directory } => match files.read(&directory.join(file), limit) {
                Ok(bytes) => Ok(Content::Bytes(bytes)),
                Err(error) if error.is_not_found() => Ok(Content::Missing),
                Err(FileError::TooLarge { .. }) => Ok(Content::TooLarge),
                Err(error) => Err(failed(&error)),
            },
            Self::Commit { files, .. } => match files.read(file, limit) {
                Ok(Some(bytes)) => Ok(Content::Bytes(bytes)),
                Ok(None) => Ok(Content::Missing),
                Err(CheckoutError::TooLarge { .. }) => Ok(Content::TooLarge),
                Err(error) => Err(Failure::new(Exit::Failure, &error)),
            },
        }
    }

    /// What is in a directory whose name `wanted` takes, in the order of the names; nothing where
    /// it is no directory.
    pub(super) fn list(
        &self,
        directory: &Utf8Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, Kind)>, Failure> {
        match self {
            Self::Disk { files, directory: base } => {
                // That of `mesh.yaml` has no name.
                let directory = base.join(directory);
                let here = Utf8Path::new(".");
                let listed = if directory.as_str().is_empty() { here } else { &directory };
                let names = files.list(listed).map_err(|error| failed(&error))?;
                let names = names.into_iter().filter(|name| wanted(name));
                let kind = |name: String| {
                    let kind =
                        files.kind(&directory.join(&name)).map_err(|error| failed(&error))?;
                    Ok(kind.map(|kind| (name, kind)))
                };
                names.filter_map(|name| kind(name).transpose()).collect()
            }
            Self::Commit { files, .. } => {
                let entries = files.list(directory);
                let mut entries = entries.map_err(|error| Failure::new(Exit::Failure, &error))?;
                entries.retain(|(name, _)| wanted(name));
                Ok(entries)
            }
        }
    }
}

fn failed(error: &FileError) -> Failure {
    Failure::new(Exit::Failure, error)
}

/// The directory of a mesh; empty for `mesh.yaml`.
pub(super) fn directory_of(mesh: &Utf8Path) -> Utf8PathBuf {
    mesh.parent().unwrap_or(Utf8Path::new("")).to_owned()
}
