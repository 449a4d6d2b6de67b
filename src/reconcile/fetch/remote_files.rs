//! The files of one remote, of whatever kind it is: git brings them all at once, a mirror each when
//! it is asked for.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::ReleaseError;
use crate::host::git::{FailureKind, Fetch, GitError, Limits, Reach};
use crate::host::http::{Allowance, HttpError, OpenMirror};
use crate::host::{FileError, Files, Source};
use crate::primitives::error_chain;
use crate::reconcile::config::GatewayConfig;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::machine::Machine;
use crate::tuf::{Limits as TrustLimits, TrustError, TrustErrorKind};

/// What every repository has, whatever its release (TUF specification, 5.4).
const TIMESTAMP: &str = "metadata/timestamp.json";

/// Whose fault it is that nothing came from a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The remote's, or that of the way there.
    Remote,
    /// The remote is fine, and has nothing for this gateway.
    NothingForUs,
    /// The disk of this host takes nothing more.
    Disk,
    /// A file that gateway.yaml names is not there.
    Configuration,
    /// This host's in another way.
    Host,
}

/// Why one remote is of no use. The next one is tried.
pub(super) enum RemoteFailure {
    /// Nothing, or not enough, came from it.
    Unreachable {
        /// What happened.
        message: String,
        /// What to do about it, where that is known.
        hint: Option<String>,
        /// Whose fault it is.
        fault: Fault,
    },
    /// What came is of no use.
    Release(ReleaseError),
}

impl RemoteFailure {
    /// Whether it is this host that cannot, and no remote's fault.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unreachable { fault, .. } => {
                matches!(fault, Fault::Disk | Fault::Configuration | Fault::Host)
            }
            Self::Release(error) => !matches!(error, ReleaseError::Untrusted { .. }),
        }
    }

    /// What happened, in one line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Unreachable { message, .. } => message.clone(),
            Self::Release(error) => error_chain(error),
        }
    }
}

/// The files of one remote. Nothing in them is verified.
pub(super) struct RemoteFiles<'a> {
    source: &'a Source,
    files: Kind<'a>,
}

enum Kind<'a> {
    Fetched { files: &'a dyn Files, directory: Utf8PathBuf },
    Mirror(Box<dyn OpenMirror>),
}

impl<'a> RemoteFiles<'a> {
    /// Fetches the files of `source`, or prepares to, within `deadline`.
    pub(super) fn open(
        gateway: &Gateway<'a>,
        source: &'a Source,
        deadline: Duration,
    ) -> Result<Self, RemoteFailure> {
        let Gateway { machine, config, .. } = gateway;
        let files = match source {
            Source::Git(remote) => {
                let fetch = Fetch {
                    remote: remote.clone(),
                    branch: format!("gateway/{}", config.gateway),
                    targets: true,
                    directory: git_directory(config),
                    deadline,
                    limits: Limits::SLICE,
                };
                let fetch = || machine.remotes.fetch(&fetch).map_err(RemoteFailure::from);
                let mut fetched = fetch();
                if fetched.as_ref().err().is_some_and(RemoteFailure::is_local) {
                    // Nothing in there is worth keeping when it is in the way, also of a disk that
                    // is full.
                    let _ = machine.files.remove(&git_directory(config));
                    fetched = fetch();
                }
                Kind::Fetched { files: machine.files, directory: fetched?.files }
            }
            Source::Mirror(mirror) => {
                Kind::Mirror(machine.mirrors.open(mirror, Allowance::slice(deadline))?)
            }
        };
        Ok(Self { source, files })
    }

    /// The file at `path`; `None` where the remote has none.
    pub(super) fn read(
        &mut self,
        path: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, RemoteFailure> {
        let too_large =
            || untrusted(self.source, TrustError::TooLarge { file: path.to_owned(), limit });
        match &mut self.files {
            Kind::Fetched { files, directory } => match files.read(&directory.join(path), limit) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(FileError::TooLarge { .. }) => Err(too_large().into()),
                Err(source) => {
                    Err(ReleaseError::Fetched { remote: self.source.to_string(), source }.into())
                }
            },
            Kind::Mirror(mirror) => match mirror.get(path, limit) {
                Ok(bytes) => Ok(bytes),
                // The next root is the one file that need not be there.
                Err(error) if error.may_be_absence() && is_root(path) => Ok(None),
                Err(HttpError::TooLarge { .. }) => Err(too_large().into()),
                Err(error) => Err(error.into()),
            },
        }
    }
}

/// Whether `source` can be reached within `deadline`.
pub(in crate::reconcile) fn reaches(
    machine: &Machine,
    config: &GatewayConfig,
    source: &Source,
    deadline: Duration,
) -> bool {
    match source {
        Source::Git(remote) => {
            let directory = git_directory(config);
            let reach = Reach { remote: remote.clone(), directory, deadline };
            machine.remotes.reach(&reach).is_ok()
        }
        Source::Mirror(mirror) => {
            let limit = TrustLimits::GATEWAY.timestamp;
            let opened = machine.mirrors.open(mirror, Allowance::slice(deadline));
            // A server that says that it has none has been reached as well, but is of no use.
            opened
                .and_then(|mut mirror| mirror.get(TIMESTAMP, limit))
                .is_ok_and(|file| file.is_some())
        }
    }
}

/// What comes from `remote` cannot be trusted.
pub(super) fn untrusted(remote: &Source, source: TrustError) -> ReleaseError {
    if source.kind() == TrustErrorKind::NeedsUpgrade {
        return ReleaseError::NeedsUpgrade(Box::new(source));
    }
    ReleaseError::Untrusted { remote: remote.to_string(), source: Box::new(source) }
}

fn git_directory(config: &GatewayConfig) -> Utf8PathBuf {
    config.paths.state.join("git")
}

fn is_root(path: &str) -> bool {
    Utf8Path::new(path).file_name().is_some_and(|name| name.ends_with(".root.json"))
}

impl From<ReleaseError> for RemoteFailure {
    fn from(error: ReleaseError) -> Self {
        Self::Release(error)
    }
}

impl From<GitError> for RemoteFailure {
    fn from(error: GitError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let fault = match &error {
            _ if error.is_of_the_disk() => Fault::Disk,
            GitError::Option { .. } => Fault::Configuration,
            GitError::Spawn(_) | GitError::Directory(_) => Fault::Host,
            _ => match error.kind() {
                Some(FailureKind::NoBranch) => Fault::NothingForUs,
                Some(FailureKind::Local) => Fault::Host,
                _ => Fault::Remote,
            },
        };
        Self::Unreachable { message: error_chain(&error), hint, fault }
    }
}

impl From<HttpError> for RemoteFailure {
    fn from(error: HttpError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let fault = if error.is_ours() { Fault::Host } else { Fault::Remote };
        Self::Unreachable { message: error_chain(&error), hint, fault }
    }
}
