//! Looking at a repository before anything is added to it.

use crate::primitives::Name;
use crate::tuf::client::{Judge, Request, Stored, Update, VerifiedRelease};
use crate::tuf::metadata::{Root, Signed, Snapshot, Timestamp};
use crate::tuf::{Limits, Role, TrustError};

use super::RepositoryError;

/// A repository whose metadata were verified from a root on, save that they may have expired:
/// whoever keeps it must be able to renew them. So nothing in it can be installed.
#[derive(Debug)]
pub struct Audit {
    pub(super) root: Signed<Root>,
    pub(super) newest: Option<Newest>,
    /// What a client that has seen all of this trusts.
    pub(super) stored: Stored,
}

/// The newest release.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) timestamp: Signed<Timestamp>,
    pub(super) snapshot: Signed<Snapshot>,
    pub(super) release: VerifiedRelease,
}

impl Audit {
    /// Verifies a repository from `root` on. `read` gives the bytes of one of its files, at most
    /// one more than the limit, or `None` where there is no such file.
    pub fn new<E: From<RepositoryError>>(
        root: Vec<u8>,
        mut read: impl FnMut(&Request) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        let previous = |error| E::from(RepositoryError::Previous(error));
        let mut update = Update::begin(Stored::provisioned(root), Judge::Never, Limits::GATEWAY)
            .map_err(previous)?;
        while let Some(request) = update.next() {
            let bytes = read(&request)?;
            if bytes.is_none() && request.path == Role::Timestamp.path(None) {
                first_release_only(read)?;
                return Ok(Self {
                    root: update.root().clone(),
                    newest: None,
                    stored: update.stored().clone(),
                });
            }
            update.supply(bytes).map_err(previous)?;
        }
        let (root, stored) = (update.root().clone(), update.stored().clone());
        let (Some(timestamp), Some(snapshot)) =
            (update.timestamp().cloned(), update.snapshot().cloned())
        else {
            return Err(previous(TrustError::Unfinished));
        };
        let release = update.finish().map_err(previous)?;
        Ok(Self { root, newest: Some(Newest { timestamp, snapshot, release }), stored })
    }

    /// The number of the newest release; `None` before the first.
    #[must_use]
    pub fn release(&self) -> Option<u64> {
        self.newest.as_ref().map(|newest| newest.release.number())
    }

    /// The mesh that the root is for, if it says so.
    #[must_use]
    pub fn mesh(&self) -> Option<&Name> {
        self.root.body.mesh.as_ref()
    }
}

/// Refuses a repository that had releases before: without its timestamp their number is unknown,
/// and to begin again at 1 would be to go back.
fn first_release_only<E: From<RepositoryError>>(
    mut read: impl FnMut(&Request) -> Result<Option<Vec<u8>>, E>,
) -> Result<(), E> {
    for role in [Role::Targets, Role::Snapshot] {
        let request = Request { path: role.path(Some(1)), limit: Limits::GATEWAY.targets };
        if read(&request)?.is_some() {
            return Err(RepositoryError::NoTimestamp { file: request.path }.into());
        }
    }
    Ok(())
}
