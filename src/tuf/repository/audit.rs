//! Looking at a repository before anything is added to it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use crate::primitives::{Digest, Name};
use crate::tuf::client::{ExpiryCheck, Request, Stored, Update, describe, storage_path};
use crate::tuf::envelope::Envelope;
use crate::tuf::metadata::{Root, Signed, Snapshot, Targets, Timestamp};
use crate::tuf::{Limits, Role, RoleName, TrustError, TrustErrorKind};

use super::RepositoryError;
use super::teams::{self, Team};

/// A repository whose metadata were verified from a root on, save that they may have expired:
/// whoever keeps it must be able to renew them. So nothing in it can be installed.
///
/// After a change of keys the newest release may be signed as an earlier root wanted it. It no
/// longer counts, and is known nevertheless: the next release has to follow it.
#[derive(Debug)]
pub struct Audit {
    pub(super) root: Signed<Root>,
    pub(super) newest: Option<Newest>,
    /// What a client that has seen the newest release, and no later root, trusts.
    pub(super) stored: Stored,
    /// Every version of root metadata after the first, by path.
    pub(super) roots: BTreeMap<String, Vec<u8>>,
}

/// The newest release.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) timestamp: Signed<Timestamp>,
    pub(super) snapshot: Signed<Snapshot>,
    pub(super) targets: Signed<Targets>,
    /// The version of root that it verifies under, where that is not the newest.
    pub(super) superseded: Option<NonZeroU64>,
    /// The delegated roles that have metadata of their own.
    pub(super) teams: Vec<Team>,
    /// Whether its delegations are from before a change of keys, so that somebody has to say
    /// whether they are to stay.
    pub(super) inherited: bool,
}

/// How far a client comes, and what it trusts by then.
struct Walk {
    root: Signed<Root>,
    stored: Stored,
    end: End,
}

/// Where a client's way ends.
enum End {
    /// At a release.
    Release(Box<Newest>),
    /// At a repository without any.
    Empty,
    /// At a root that does not follow from the one before.
    Root(TrustError),
    /// Before a release.
    Broken(TrustError),
}

impl Audit {
    /// Verifies a repository from `root` on. `read` gives the bytes of one of its files, at most
    /// one more than the limit, or `None` where there is no such file.
    pub fn new<E: From<RepositoryError>>(
        root: Vec<u8>,
        mut read: impl FnMut(&Request) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        let start = Stored::provisioned(root);
        let mut roots = BTreeMap::new();
        let Walk { root: last, stored, end } = walk(&start, None, &mut roots, &mut read)?;
        let error = match end {
            End::Empty => {
                first_release_only(read)?;
                return Ok(Self { root: last, newest: None, stored, roots });
            }
            End::Release(newest) => {
                return Ok(Self { root: last, newest: Some(*newest), stored, roots });
            }
            End::Root(error) => return Err(RepositoryError::Previous(error).into()),
            End::Broken(error) => error,
        };
        // Signed as an earlier root wanted it, perhaps: then it is from before a change of keys.
        let versions = last.version.get().saturating_sub(roots.len() as u64)..last.version.get();
        for until in versions.rev().filter(|_| error.kind() == TrustErrorKind::Signature) {
            let Walk { stored, end, .. } =
                walk(&start, Some(until), &mut BTreeMap::new(), &mut read)?;
            if let End::Release(newest) = end {
                let superseded = NonZeroU64::new(until);
                let delegates = newest.targets.body.delegations.is_some();
                let inherited = delegates && !is_signed_as_wanted(&last, &stored);
                let newest = Newest { superseded, inherited, ..*newest };
                return Ok(Self { root: last, newest: Some(newest), stored, roots });
            }
        }
        Err(RepositoryError::Previous(error).into())
    }

    /// The number of the newest release; `None` before the first.
    #[must_use]
    pub fn release(&self) -> Option<u64> {
        self.newest.as_ref().map(|newest| newest.targets.version.get())
    }

    /// The version of root that the newest release was signed for, where a later one gives the
    /// roles to other keys: no gateway accepts that release any more.
    #[must_use]
    pub fn superseded(&self) -> Option<u64> {
        self.newest.as_ref()?.superseded.map(NonZeroU64::get)
    }

    /// Where the bundle that `gateway` has in the newest release lies, and its digest.
    #[must_use]
    pub fn bundle(&self, gateway: &Name) -> Option<(String, Digest)> {
        let newest = self.newest.as_ref()?;
        let file = teams::effective(&newest.targets.body, &newest.teams).remove(gateway)?;
        let digest = file.hashes.digest()?;
        Some((storage_path(gateway, Some(digest)), digest))
    }

    /// The commit that the newest release was built from, where all its bundles say the same.
    #[must_use]
    pub fn source_commit(&self) -> Option<String> {
        let newest = self.newest.as_ref()?;
        let bundles = teams::effective(&newest.targets.body, &newest.teams);
        let commit = |file| Some(describe(file).ok()?.source_commit);
        let mut commits: BTreeSet<_> = bundles.values().filter_map(commit).collect();
        commits.pop_first().flatten().filter(|_| commits.is_empty())
    }

    /// The mesh that the root is for, if it says so.
    #[must_use]
    pub fn mesh(&self) -> Option<&Name> {
        self.root.body.mesh.as_ref()
    }

    /// The delegated roles of the newest release, where they are from before a change of keys: whoever
    /// had the old keys may have made them, so somebody has to look at them.
    #[must_use]
    pub fn inherited(&self) -> Vec<RoleName> {
        let newest = self.newest.iter().filter(|newest| newest.inherited);
        let roles = newest.flat_map(|newest| newest.targets.body.delegations.iter());
        roles.flat_map(|to| to.roles.iter().flatten()).map(|role| role.name.clone()).collect()
    }

    /// Decides that the delegations from before a change of keys stay, or go.
    #[must_use]
    pub fn inherit(mut self, keep: bool) -> Self {
        if let Some(newest) = self.newest.as_mut().filter(|newest| newest.inherited) {
            newest.inherited = false;
            if !keep {
                newest.targets.body.delegations = None;
                newest.teams.clear();
            }
        }
        self
    }

    /// Takes release `number`, whose targets metadata are `targets`, for the one to follow instead
    /// of the newest: after somebody with a stolen key made a release whose number is no number to
    /// go on from. Gateways follow only where a root with other keys lets them count anew, which
    /// is checked when the next release is made.
    pub fn after(mut self, number: NonZeroU64, targets: &[u8]) -> Result<Self, RepositoryError> {
        let root = Envelope::<Root>::read(&self.stored.root, Limits::GATEWAY.signatures);
        let file = Role::Targets.path(Some(number.get()));
        let strange =
            |source| TrustError::Metadata { file: file.clone(), role: Role::Targets, source };
        let envelope = Envelope::<Targets>::read(targets, Limits::GATEWAY.signatures);
        let read = root.and_then(|root| Ok((root, envelope?)));
        let (root, envelope) = read.map_err(|error| RepositoryError::Previous(strange(error)))?;
        let by = Role::Root.file_name().to_owned();
        let verified = root
            .verify_itself()
            .and_then(|root| envelope.verify(root.body.authority(Role::Targets)));
        let targets = verified.map_err(|source| {
            RepositoryError::Previous(TrustError::Signature { file: file.clone(), by, source })
        })?;
        if targets.version != number {
            let by = "its name".to_owned();
            return Err(RepositoryError::Previous(TrustError::Mismatch { file, by }));
        }
        if let Some(newest) = &mut self.newest {
            newest.inherited &= targets.body.delegations.is_some();
            newest.targets = targets;
            newest.teams.clear();
            newest.snapshot.version = number;
            newest.snapshot.body.meta.clear();
            newest.timestamp.version = number;
        }
        Ok(self)
    }
}

/// Whether the stored targets metadata are signed as `root` wants it.
fn is_signed_as_wanted(root: &Signed<Root>, stored: &Stored) -> bool {
    let bytes = stored.targets.as_deref().unwrap_or_default();
    let envelope = Envelope::<Targets>::read(bytes, Limits::GATEWAY.signatures);
    envelope.is_ok_and(|envelope| envelope.check(root.body.authority(Role::Targets)).is_ok())
}

/// Lets a client that has stored `start` look at the repository, as one that is told of no root after
/// version `until`.
fn walk<E: From<RepositoryError>>(
    start: &Stored,
    until: Option<u64>,
    roots: &mut BTreeMap<String, Vec<u8>>,
    read: &mut impl FnMut(&Request) -> Result<Option<Vec<u8>>, E>,
) -> Result<Walk, E> {
    let mut update = Update::begin(start.clone(), ExpiryCheck::Never, Limits::GATEWAY)
        .map_err(|error| E::from(RepositoryError::Previous(error)))?;
    let mut broken = None;
    while let Some(request) = update.next() {
        let known = update.root().version.get();
        let is_root = request.path == Role::Root.path(Some(known.saturating_add(1)));
        let hidden = is_root && until.is_some_and(|until| known >= until);
        let bytes = if hidden { None } else { read(&request)? };
        if bytes.is_none() && request.path == Role::Timestamp.path(None) {
            broken = Some(End::Empty);
            break;
        }
        if let (true, Some(bytes)) = (is_root, &bytes) {
            roots.insert(request.path.clone(), bytes.clone());
        }
        if let Err(error) = update.supply(bytes) {
            broken = Some(if is_root { End::Root(error) } else { End::Broken(error) });
            break;
        }
    }
    let (root, stored) = (update.root().clone(), update.stored().clone());
    let end = match broken.map_or_else(|| Newest::of(update), Err) {
        Ok(mut newest) => {
            newest.teams = teams::read(&newest.targets.body, &newest.snapshot.body, read)?;
            End::Release(newest)
        }
        Err(end) => end,
    };
    Ok(Walk { root, stored, end })
}

impl Newest {
    fn of(update: Update) -> Result<Box<Self>, End> {
        let (timestamp, snapshot) = (update.timestamp().cloned(), update.snapshot().cloned());
        let targets = update.finish().map_err(End::Broken)?.targets().clone();
        let (Some(timestamp), Some(snapshot)) = (timestamp, snapshot) else {
            return Err(End::Broken(TrustError::Unfinished));
        };
        let (superseded, teams, inherited) = (None, Vec::new(), false);
        Ok(Box::new(Self { timestamp, snapshot, targets, superseded, teams, inherited }))
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
