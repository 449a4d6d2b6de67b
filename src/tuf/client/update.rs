//! The state of one update: what is trusted by now, and what is wanted next.

use std::collections::{BTreeMap, VecDeque};

use time::OffsetDateTime;

use super::checks::{check_bytes, read, unsigned};
use super::expiry::ExpiryCheck;
use super::search::{Search, SearchResults, Visit};
use super::{Change, Stored};
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

    /// Whether what is stored is what `meta` describes, and still valid: then it is not fetched.
    pub(super) fn is_meant<T>(&self, meta: &MetaFile, signed: &Signed<T>, bytes: &[u8]) -> bool {
        signed.version == meta.version
            && check_bytes("", "", meta, bytes).is_ok()
            && self.expiry_check.check("", signed).is_ok()
    }
}
