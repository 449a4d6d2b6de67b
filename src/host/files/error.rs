//! What goes wrong with files.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// What could not be done with which file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is nothing at the path.
    #[error("{path} does not exist")]
    NotFound {
        /// The path.
        path: Utf8PathBuf,
    },
    /// Something is at the path already.
    #[error("{path} exists already")]
    AlreadyExists {
        /// The path.
        path: Utf8PathBuf,
    },
    /// The file is larger than anyone needs.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The path.
        path: Utf8PathBuf,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// Anything else the system says.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The path.
        path: Utf8PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl FileError {
    /// The error for `source`, met while trying to `action` the file at `path`.
    #[must_use]
    pub fn new(action: &'static str, path: &Utf8Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path },
            io::ErrorKind::AlreadyExists => Self::AlreadyExists { path },
            _ => Self::Io { action, path, source },
        }
    }

    /// Whether this user may not do it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let denied = io::ErrorKind::PermissionDenied;
        matches!(self, Self::Io { source, .. } if source.kind() == denied)
    }

    /// Whether the disk takes nothing more: it is full, over a quota, or read-only.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let Self::Io { source, .. } = self else { return false };
        matches!(source.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
    }

    /// Whether nothing is at the path.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
