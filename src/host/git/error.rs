//! How git fails.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{RemoteError, RemoteUrl};
use crate::host::FileError;

/// Why a fetch or a push did not happen. What was fetched before stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The remote is described wrongly.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The deadline came first; the worker was killed.
    #[error("{remote}: not done within {} s", deadline.as_secs_f32().ceil())]
    Deadline {
        /// The remote.
        remote: RemoteUrl,
        /// How long it had.
        deadline: Duration,
    },
    /// The worker says why it could not.
    #[error("{remote}: {failure}")]
    Failed {
        /// The remote.
        remote: RemoteUrl,
        /// What it says.
        failure: Box<GitFailure>,
    },
    /// The worker ended without an answer.
    #[error("{remote}: the process that talks to it {how}")]
    Worker {
        /// The remote.
        remote: RemoteUrl,
        /// How it ended, and the last it said.
        how: String,
    },
    /// The worker could not be started.
    #[error("cannot start the process that talks to git remotes")]
    Spawn(#[source] io::Error),
    /// A file that gateway.yaml or an option names cannot be read.
    #[error("{remote}: its `{option}` cannot be read")]
    Option {
        /// The remote.
        remote: RemoteUrl,
        /// What it is called in gateway.yaml.
        option: &'static str,
        /// Why.
        source: Box<FileError>,
    },
    /// Its directory could not be prepared.
    #[error("cannot prepare the directory for git")]
    Directory(#[from] FileError),
}

impl GitError {
    /// What kind of failure it is, where the worker says.
    #[must_use]
    pub fn kind(&self) -> Option<FailureKind> {
        match self {
            Self::Failed { failure, .. } => Some(failure.kind),
            _ => None,
        }
    }

    /// Whether it is the disk of this machine that takes nothing more.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        match self {
            Self::Directory(error) => error.is_of_the_disk(),
            _ => self.kind() == Some(FailureKind::Disk),
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Option { .. } => Some("put the file there, or name the right one"),
            Self::Failed { failure, .. } => failure.hint.as_deref(),
            _ => None,
        }
    }
}

/// A failure as the worker reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct GitFailure {
    /// Its kind.
    pub kind: FailureKind,
    /// What happened, in one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The branch is not on the remote.
    NoBranch,
    /// The ssh host key is not the one that is known, or none is.
    HostKey,
    /// The TLS certificate is not valid for the host.
    Certificate,
    /// The remote does not let us in.
    Access,
    /// The remote sent more than it may.
    Limit,
    /// The commit's tree is not what a TUF repository looks like.
    Tree,
    /// The remote refused to change a branch, or somebody else changed it first.
    Rejected,
    /// Anything else on the way to the remote.
    Network,
    /// The disk of this machine is full or read-only.
    Disk,
    /// Anything else on this machine.
    Local,
}
