//! The roots that a repository has.

use super::{RootError, RootSummary};
use crate::tuf::client::{ExpiryCheck, Request, Stored, Update};
use crate::tuf::metadata::{Root, Signed};
use crate::tuf::repository::RepositoryError;
use crate::tuf::repository::clock::check_dates;
use crate::tuf::{Limits, Role, UtcTime};

/// The newest root of a repository, verified as a client does: every version signed as the one
/// before it and itself demand. It may have expired, as whoever renews it must be able to.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    pub(super) signed: Signed<Root>,
    /// The exact bytes.
    pub(super) bytes: Vec<u8>,
}

impl TrustedRoot {
    /// Follows the roots from `first` on. `read` gives the bytes of a file of the repository, or
    /// `None` where there is no such file.
    pub fn follow<E: From<RootError>>(
        first: Vec<u8>,
        mut read: impl FnMut(&Request) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        let chain = |error| E::from(RootError::Chain(error));
        let stored = Stored::provisioned(first);
        let mut update =
            Update::begin(stored, ExpiryCheck::Never, Limits::GATEWAY).map_err(chain)?;
        loop {
            let known = update.root().version.get();
            let next = Role::Root.path(Some(known.saturating_add(1)));
            let Some(request) = update.next().filter(|request| request.path == next) else { break };
            let Some(bytes) = read(&request)? else { break };
            update.supply(Some(bytes)).map_err(chain)?;
        }
        Ok(Self { signed: update.root().clone(), bytes: update.stored().root.clone() })
    }

    /// What it says.
    #[must_use]
    pub fn summary(&self) -> RootSummary {
        RootSummary::of(&self.signed)
    }

    /// Refuses to sign its successor by a clock that cannot be right.
    pub fn check_clock(&self, now: UtcTime) -> Result<(), RepositoryError> {
        self.signed.signed_at.map_or(Ok(()), |last| check_dates(last, now))
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.signed.version.get()
    }
}
