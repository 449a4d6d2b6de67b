//! Why there is no release to go by.

use camino::Utf8PathBuf;

use crate::host::FileError;
use crate::primitives::Name;
use crate::tuf::TrustError;

/// Why there is no release to go by.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// No remote could be asked.
    #[error("no remote answered: {}", failures.join("; "))]
    NoRemote {
        /// What happened with each.
        failures: Vec<String>,
        /// What to do about the first, where that is known.
        hint: Option<String>,
    },
    /// The disk takes nothing of what remotes send.
    #[error("the disk of this host takes nothing more: {}", failures.join("; "))]
    Disk {
        /// What happened with each remote.
        failures: Vec<String>,
    },
    /// What gateway.yaml names is not there.
    #[error("no remote could be asked as gateway.yaml says: {}", failures.join("; "))]
    Configuration {
        /// What happened with each remote.
        failures: Vec<String>,
    },
    /// Remotes answered, and have nothing for this gateway.
    #[error("there is nothing for a gateway {gateway}: {}", failures.join("; "))]
    NothingForUs {
        /// Its name.
        gateway: Name,
        /// What happened with each remote.
        failures: Vec<String>,
    },
    /// No remote had anything to trust.
    #[error("{remote} is not trusted")]
    Untrusted {
        /// The first remote that answered.
        remote: String,
        /// What is wrong with what it has.
        source: Box<TrustError>,
    },
    /// It can be trusted, and only a later version of Tieline can read its bundles.
    #[error(transparent)]
    NeedsUpgrade(Box<TrustError>),
    /// Its files could not be read.
    #[error("cannot read what was fetched from {remote}")]
    Fetched {
        /// The remote.
        remote: String,
        /// What could not be read.
        source: FileError,
    },
    /// There is no root to trust.
    #[error("this gateway has no trusted root, so it can trust no release")]
    NoRoot(#[source] FileError),
    /// What is provisioned as root is none.
    #[error("{path} is no root to trust")]
    BadRoot {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: Box<TrustError>,
    },
    /// The trusted metadata could not be read or written.
    #[error("cannot keep the trusted metadata")]
    Metadata(#[source] FileError),
}
