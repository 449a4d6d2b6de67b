//! One update: from what is trusted to the newest release, or to the reason why not.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use time::OffsetDateTime;

use super::checks::{read, unsigned};
use super::expiry::ExpiryCheck;
use super::release::target_path;
use super::search::{Search, SearchResults, Visit};
use super::{Change, Stored, Validity, VerifiedFile, VerifiedRelease};
use crate::primitives::Name;
use crate::tuf::metadata::{MetaFile, Root, Signed, Snapshot, Targets, Timestamp};
use crate::tuf::{Limits, Role, TrustError, UtcTime};

/// An update that is under way.
///
/// ```text
/// update.seek_bundle(&gateway)?;
/// while let Some(request) = update.next() { update.supply(read(request))?; }
/// let release = update.finish()?;
/// ```
///
/// Whether it ends well or not, [`stored`](Self::stored) is what is trusted by then, for the
/// caller to keep: a new root counts even if what it leads to is not there yet. After an error
/// nothing more is accepted; the next update begins from what is stored.
#[derive(Debug)]
pub struct Update {
    pub(super) limits: Limits,
    pub(super) expiry_check: ExpiryCheck,
    pub(super) stored: Stored,
    pub(super) root: Signed<Root>,
    pub(super) roots_followed: u32,
    pub(super) rotated: bool,
    pub(super) trusted: Trusted,
    pub(super) phase: Phase,
    /// The targets that are still to be sought.
    pub(super) wanted: VecDeque<String>,
    /// The search that is under way.
    pub(super) search: Option<Search>,
    pub(super) found: SearchResults,
}

/// A file that an update wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its path in the repository, such as `metadata/timestamp.json`, with what cannot stand in a
    /// URL percent-encoded.
    pub path: String,
    /// How many bytes of it to read at most. Reading one more, to see that there are more, is
    /// fine: it will be refused for its size.
    pub limit: u64,
}

/// What was verified in earlier updates and still verifies: nothing may go back behind it.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    pub(super) timestamp: Option<Signed<Timestamp>>,
    pub(super) snapshot: Option<Signed<Snapshot>>,
    pub(super) targets: Option<Signed<Targets>>,
}

/// What is wanted next.
#[derive(Debug)]
pub(super) enum Phase {
    Root,
    Timestamp,
    Snapshot(MetaFile),
    Targets(MetaFile),
    Delegated(Visit, MetaFile),
    Done,
    Failed,
}

impl Update {
    /// Begins an update from what is `stored`, at the time `clock` of the system.
    ///
    /// Expiry is judged by one time (specification 5.1): that of the clock or, where a clock is
    /// behind it, the newest time that stored, signed metadata prove to have passed.
    pub fn start(stored: Stored, clock: OffsetDateTime) -> Result<Self, TrustError> {
        Self::begin(stored, ExpiryCheck::At(UtcTime::from_clock(clock)), Limits::GATEWAY)
    }

    /// Begins an update with other limits or another way to judge expiry.
    pub(in crate::tuf) fn begin(
        stored: Stored,
        expiry_check: ExpiryCheck,
        limits: Limits,
    ) -> Result<Self, TrustError> {
        // 5.2: the trusted root. It may have expired; its successors may not.
        let root = read::<Root>(Role::Root.file_name(), &stored.root, &limits)
            .and_then(|envelope| {
                envelope.verify_itself().map_err(|few| unsigned(Role::Root.file_name(), "it", few))
            })
            .map_err(|error| TrustError::Root(Box::new(error)))?;
        Ok(Self {
            limits,
            expiry_check,
            stored,
            root,
            roots_followed: 0,
            rotated: false,
            trusted: Trusted::default(),
            phase: Phase::Root,
            wanted: VecDeque::new(),
            search: None,
            found: SearchResults::default(),
        })
    }

    /// Has the bundle of `gateway` sought as well, wherever it is delegated to.
    pub fn seek_bundle(&mut self, gateway: &Name) -> Result<(), TrustError> {
        self.seek(&target_path(gateway))
    }

    /// Has the target at `path` sought as well. It may be called at any time, also when nothing
    /// more was asked for; an error is that of what is stored of delegated roles.
    pub fn seek(&mut self, path: &str) -> Result<(), TrustError> {
        self.wanted.push_back(path.to_owned());
        if matches!(self.phase, Phase::Done) {
            self.phase = Phase::Failed;
            self.phase = self.search_on()?;
        }
        Ok(())
    }

    /// The next file the update wants; `None` when there is nothing more to ask for.
    #[must_use]
    pub fn next(&self) -> Option<Request> {
        let consistent = self.root.body.consistent_snapshot;
        let described = |role: Role, meta: &MetaFile, most: u64| Request {
            path: role.path(consistent.then_some(meta.version.get())),
            limit: meta.length.unwrap_or(most).min(most),
        };
        match &self.phase {
            Phase::Root => Some(Request {
                path: Role::Root.path(Some(self.root.version.get().saturating_add(1))),
                limit: self.limits.root,
            }),
            Phase::Timestamp => {
                Some(Request { path: Role::Timestamp.path(None), limit: self.limits.timestamp })
            }
            Phase::Snapshot(meta) => Some(described(Role::Snapshot, meta, self.limits.snapshot)),
            Phase::Targets(meta) => Some(described(Role::Targets, meta, self.limits.targets)),
            Phase::Delegated(visit, meta) => Some(Request {
                path: visit.name.path(consistent.then_some(meta.version.get())),
                limit: meta.length.unwrap_or(self.limits.targets).min(self.limits.targets),
            }),
            Phase::Done | Phase::Failed => None,
        }
    }

    /// Takes the bytes of the file that [`next`](Self::next) asked for, or that there is no such
    /// file.
    pub fn supply(&mut self, bytes: Option<Vec<u8>>) -> Result<(), TrustError> {
        let Some(Request { path, limit }) = self.next() else { return Ok(()) };
        let phase = mem::replace(&mut self.phase, Phase::Failed);
        if bytes.as_ref().is_some_and(|bytes| bytes.len() as u64 > limit) {
            return Err(TrustError::TooLarge { file: path, limit });
        }
        self.phase = match (phase, bytes) {
            (Phase::Root, Some(bytes)) => self.take_root(&path, bytes)?,
            (Phase::Root, None) => self.settle_root()?,
            (Phase::Timestamp, Some(bytes)) => self.take_timestamp(&path, bytes)?,
            (Phase::Snapshot(meta), Some(bytes)) => self.take_snapshot(&path, &meta, bytes)?,
            (Phase::Targets(meta), Some(bytes)) => self.take_targets(&path, &meta, bytes)?,
            (Phase::Delegated(visit, meta), Some(bytes)) => {
                self.take_delegated(&path, &visit, &meta, bytes)?
            }
            (_, None) => return Err(TrustError::Missing { file: path }),
            (done @ (Phase::Done | Phase::Failed), Some(_)) => done,
        };
        Ok(())
    }

    /// Carries the update through with nothing but what is stored, and so verifies that once more.
    pub fn replay(mut self) -> Result<VerifiedRelease, TrustError> {
        while self.next().is_some() {
            let bytes = match &self.phase {
                Phase::Timestamp => self.stored.timestamp.clone(),
                Phase::Snapshot(_) => self.stored.snapshot.clone(),
                Phase::Targets(_) => self.stored.targets.clone(),
                Phase::Delegated(visit, _) => self.stored.delegated.get(&visit.name).cloned(),
                Phase::Root | Phase::Done | Phase::Failed => None,
            };
            self.supply(bytes)?;
        }
        self.finish()
    }

    /// What is trusted by now.
    #[must_use]
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// What makes a disk with the files `disk`, by name, hold what is trusted by now, in the order
    /// in which it has to happen: see [`Stored::of_files`].
    #[must_use]
    pub fn changes(&self, disk: &BTreeMap<String, Vec<u8>>) -> Vec<Change> {
        self.stored.changes(disk, self.rotated)
    }

    /// What was found of a target that was [sought](Self::seek); `None` where nobody who may has
    /// anything to say of it.
    pub fn found(&self, path: &str) -> Result<Option<VerifiedFile>, TrustError> {
        let (Phase::Done, Some(top)) = (&self.phase, &self.trusted.targets) else {
            return Err(TrustError::Unfinished);
        };
        let file = self.found.file(path, top)?;
        let consistent = self.root.body.consistent_snapshot;
        Ok(file.map(|file| VerifiedFile::new(path, file, consistent, self.limits.bundle)))
    }

    /// The root that is trusted by now.
    pub(in crate::tuf) fn root(&self) -> &Signed<Root> {
        &self.root
    }

    /// The timestamp that is trusted by now.
    pub(in crate::tuf) fn timestamp(&self) -> Option<&Signed<Timestamp>> {
        self.trusted.timestamp.as_ref()
    }

    /// The snapshot that is trusted by now.
    pub(in crate::tuf) fn snapshot(&self) -> Option<&Signed<Snapshot>> {
        self.trusted.snapshot.as_ref()
    }

    /// The release that was verified, once nothing more is asked for.
    pub fn finish(self) -> Result<VerifiedRelease, TrustError> {
        let (Phase::Done, Some(targets)) = (self.phase, self.trusted.targets) else {
            return Err(TrustError::Unfinished);
        };
        let timestamp = self.trusted.timestamp.as_ref().map(Validity::of);
        let snapshot = self.trusted.snapshot.as_ref().map(Validity::of);
        let top =
            [Some(Validity::of(&self.root)), timestamp, snapshot, Some(Validity::of(&targets))];
        let validity = top.into_iter().flatten().chain(self.found.validity()).collect();
        let limit = self.limits.bundle;
        Ok(VerifiedRelease::new(
            &self.root,
            targets,
            self.found,
            validity,
            self.expiry_check,
            limit,
        ))
    }
}
