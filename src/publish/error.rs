//! Why nothing was published.

use camino::Utf8PathBuf;

use crate::host::FileError;
use crate::host::git::{GitError, RemoteUrl};
use crate::tuf::TrustError;

/// Why a release is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file cannot be read.
    #[error("cannot read the repository")]
    File(#[from] FileError),
    /// A metadata file is not what the specification says.
    #[error("{path} is no TUF metadata: {what}")]
    Metadata {
        /// The file.
        path: Utf8PathBuf,
        /// What is missing or wrong.
        what: String,
    },
    /// A gateway would refuse it.
    #[error("no gateway would accept this release")]
    Untrusted(#[from] TrustError),
    /// A newer release is out.
    #[error("the remote has {role} version {theirs} already, this repository has {ours}")]
    Older {
        /// The role whose version would go down.
        role: &'static str,
        /// The version on the remote.
        theirs: u64,
        /// The version here.
        ours: u64,
    },
    /// Another release has the same number.
    #[error("the remote has another release {number}")]
    Fork {
        /// The number.
        number: u64,
    },
    /// The branch `release` of the remote holds something else.
    #[error("{remote}: what its branch release holds cannot be compared with")]
    Recorded {
        /// The remote.
        remote: RemoteUrl,
        /// What is wrong with it.
        source: Box<PublishError>,
    },
}

impl PublishError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Git(error) => error.hint(),
            Self::File(error) if error.is_not_found() => {
                Some("`tieline sign` makes a release; --repository says where it is")
            }
            Self::Older { .. } => Some(
                "a release never goes back: get the newest repository, and sign what you want as \
                 a new release",
            ),
            Self::Fork { .. } => Some(
                "two releases were signed on top of the same one: get the newest repository from \
                 the branch release and sign again",
            ),
            Self::Recorded { .. } => {
                Some("use a git repository of its own, or remove that branch if it is a mistake")
            }
            _ => None,
        }
    }
}
