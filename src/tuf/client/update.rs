//! One update: from what is trusted to the newest release, or to the reason why not.

use std::mem;

use time::OffsetDateTime;

use super::expiry::Judge;
use super::{Stored, Validity, VerifiedRelease};
use crate::tuf::envelope::Envelope;
use crate::tuf::metadata::{Body, MetaFile, Root, Signed, Snapshot, Targets, Timestamp};
use crate::tuf::{Limits, PublicKey, Role, TooFew, TrustError, UtcTime};

/// An update that is under way.
///
/// ```text
/// while let Some(request) = update.next() { update.supply(read(request))?; }
/// let release = update.finish()?;
/// ```
///
/// Whether it ends well or not, [`stored`](Self::stored) is what is trusted by then, for the
/// caller to keep: a new root counts even if what it leads to is not there yet. After an error
/// nothing more is accepted; the next update begins from what is stored.
#[derive(Debug)]
pub struct Update {
    limits: Limits,
    judge: Judge,
    stored: Stored,
    root: Signed<Root>,
    roots_followed: u32,
    rotated: bool,
    trusted: Trusted,
    phase: Phase,
}

/// A file that an update wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its path in the repository, such as `metadata/timestamp.json`.
    pub path: String,
    /// How many bytes of it to read at most. Reading one more, to see that there are more, is
    /// fine: it will be refused for its size.
    pub limit: u64,
}

/// What was verified in earlier updates and still verifies: nothing may go back behind it.
#[derive(Debug, Default)]
struct Trusted {
    timestamp: Option<Signed<Timestamp>>,
    snapshot: Option<Signed<Snapshot>>,
    targets: Option<Signed<Targets>>,
}

/// What is wanted next.
#[derive(Debug)]
enum Phase {
    Root,
    Timestamp,
    Snapshot(MetaFile),
    Targets(MetaFile),
    Done(Signed<Targets>),
    Failed,
}

impl Update {
    /// Begins an update from what is `stored`, at the time `clock` of the system.
    ///
    /// Expiry is judged by one time (specification 5.1): that of the clock or, where a clock is
    /// behind it, the newest time that stored, signed metadata prove to have passed.
    pub fn start(stored: Stored, clock: OffsetDateTime) -> Result<Self, TrustError> {
        Self::begin(stored, Judge::At(UtcTime::from_clock(clock)), Limits::GATEWAY)
    }

    /// Begins an update with other limits or another way to judge expiry.
    pub(in crate::tuf) fn begin(
        stored: Stored,
        judge: Judge,
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
            judge,
            stored,
            root,
            roots_followed: 0,
            rotated: false,
            trusted: Trusted::default(),
            phase: Phase::Root,
        })
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
            Phase::Done(_) | Phase::Failed => None,
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
            (_, None) => return Err(TrustError::Missing { file: path }),
            (done @ (Phase::Done(_) | Phase::Failed), Some(_)) => done,
        };
        Ok(())
    }

    /// What is trusted by now.
    #[must_use]
    pub fn stored(&self) -> &Stored {
        &self.stored
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
        let Phase::Done(targets) = self.phase else { return Err(TrustError::Unfinished) };
        let timestamp = self.trusted.timestamp.as_ref().map(Validity::of);
        let snapshot = self.trusted.snapshot.as_ref().map(Validity::of);
        let validity = [Some(Validity::of(&self.root)), timestamp, snapshot];
        let validity = validity.into_iter().flatten().collect();
        Ok(VerifiedRelease::new(&self.root, targets, validity, self.judge, self.limits.bundle))
    }

    /// 5.3: version N+1 of root metadata.
    fn take_root(&mut self, path: &str, bytes: Vec<u8>) -> Result<Phase, TrustError> {
        let envelope = read::<Root>(path, &bytes, &self.limits)?;
        // 5.3.4: signed by those whom version N names, and by those whom N+1 names.
        let before = format!("{}.{}", self.root.version, Role::Root.file_name());
        envelope.check(&self.root.body).map_err(|few| unsigned(path, &before, few))?;
        let new = envelope.verify_itself().map_err(|few| unsigned(path, path, few))?;
        // 5.3.5: the version is N+1, not less and not more.
        let (found, trusted) = (new.version.get(), self.root.version.get());
        if found <= trusted {
            return Err(back(path, Role::Root.as_str(), found, trusted));
        }
        if found - 1 != trusted {
            return Err(TrustError::SkippedRoot { file: path.to_owned(), found });
        }
        // 5.3.6: whether it has expired does not matter yet.
        // 5.3.7, 5.3.8: it is the trusted root, and to be stored.
        self.rotated |= rotated(&self.root.body, &new.body);
        self.root = new;
        self.stored.root = bytes;
        self.roots_followed += 1;
        // 5.3.9: and again, up to a limit (5.3.3).
        if self.roots_followed < self.limits.roots { Ok(Phase::Root) } else { self.settle_root() }
    }

    /// 5.3.10 to 5.3.12: there is no newer root.
    fn settle_root(&mut self) -> Result<Phase, TrustError> {
        // 5.3.11: after a change of keys nothing protects the old version numbers, or whoever stole
        // a key could have made them so high that no honest release ever passes them.
        if self.rotated {
            (self.stored.timestamp, self.stored.snapshot, self.stored.targets) = (None, None, None);
        }
        self.trusted.timestamp = self.load(&mut |stored| &mut stored.timestamp);
        self.trusted.snapshot = self.load(&mut |stored| &mut stored.snapshot);
        self.trusted.targets = self.load(&mut |stored| &mut stored.targets);
        self.judge = self
            .judge
            .not_before(self.root.signed_at)
            .not_before(self.trusted.timestamp.as_ref().and_then(|signed| signed.signed_at))
            .not_before(self.trusted.snapshot.as_ref().and_then(|signed| signed.signed_at))
            .not_before(self.trusted.targets.as_ref().and_then(|signed| signed.signed_at));
        // 5.3.10: the newest root has not expired.
        self.judge.check(Role::Root.file_name(), &self.root)?;
        Ok(Phase::Timestamp)
    }

    /// What is stored in one place, if it still verifies; else it is forgotten.
    fn load<T: Body>(
        &mut self,
        place: &mut dyn FnMut(&mut Stored) -> &mut Option<Vec<u8>>,
    ) -> Option<Signed<T>> {
        let bytes = place(&mut self.stored);
        let envelope = read::<T>(T::ROLE.file_name(), bytes.as_deref()?, &self.limits);
        let signed = envelope.ok().and_then(|envelope| envelope.verify(&self.root.body).ok());
        if signed.is_none() {
            *bytes = None;
        }
        signed
    }

    /// 5.4: the timestamp.
    fn take_timestamp(&mut self, path: &str, bytes: Vec<u8>) -> Result<Phase, TrustError> {
        // 5.4.2: signed.
        let new = self.verify::<Timestamp>(path, &bytes)?;
        let snapshot_version = new.body.meta.snapshot.version.get();
        // 5.4.3.2, also where only the snapshot itself is left of what was trusted.
        if let Some(snapshot) = &self.trusted.snapshot
            && snapshot_version < snapshot.version.get()
        {
            return Err(back(path, "snapshot", snapshot_version, snapshot.version.get()));
        }
        if let Some(trusted) = &self.trusted.timestamp {
            // 5.4.3.1: the version does not go back.
            let (found, known) = (new.version.get(), trusted.version.get());
            if found < known {
                return Err(back(path, "timestamp", found, known));
            }
            // 5.4.3.2: nor does that of the snapshot.
            let known = trusted.body.meta.snapshot.version.get();
            if snapshot_version < known {
                return Err(back(path, "snapshot", snapshot_version, known));
            }
            // 5.4.3.1: the same version again is discarded. What is trusted may be incomplete
            // since an earlier update broke off, so go on from there.
            if new.version == trusted.version {
                self.judge.check(path, trusted)?;
                let meta = trusted.body.meta.snapshot.clone();
                return self.after_timestamp(meta);
            }
        }
        // 5.4.4: not expired.
        self.judge.check(path, &new)?;
        // 5.4.5: to be stored.
        let meta = new.body.meta.snapshot.clone();
        self.stored.timestamp = Some(bytes);
        self.trusted.timestamp = Some(new);
        self.after_timestamp(meta)
    }

    /// Goes on to the snapshot, which need not be fetched if the stored one is meant.
    fn after_timestamp(&mut self, meta: MetaFile) -> Result<Phase, TrustError> {
        match (&self.trusted.snapshot, &self.stored.snapshot) {
            (Some(signed), Some(bytes)) if self.is_meant(&meta, signed, bytes) => {
                let meta = targets_meta(Role::Snapshot.file_name(), signed)?;
                Ok(self.after_snapshot(meta))
            }
            _ => Ok(Phase::Snapshot(meta)),
        }
    }

    /// 5.5: the snapshot.
    fn take_snapshot(
        &mut self,
        path: &str,
        meta: &MetaFile,
        bytes: Vec<u8>,
    ) -> Result<Phase, TrustError> {
        let by = Role::Timestamp.file_name();
        // 5.5.2: the file that the timestamp describes.
        check_bytes(path, by, meta, &bytes)?;
        // 5.5.3: signed.
        let new = self.verify::<Snapshot>(path, &bytes)?;
        // 5.5.4: of the version that the timestamp names.
        check_version(path, by, meta, &new)?;
        // 5.5.5: no targets metadata go back or vanish.
        let before = self.trusted.snapshot.iter().flat_map(|trusted| &trusted.body.meta);
        let before = before.map(|(file, known)| (file.as_str(), known.version));
        let targets = self.trusted.targets.as_ref();
        let targets = targets.map(|trusted| (Role::Targets.file_name(), trusted.version));
        for (file, known) in before.chain(targets) {
            let found = new.body.meta.get(file).map_or(0, |meta| meta.version.get());
            if found < known.get() {
                return Err(back(path, file, found, known.get()));
            }
        }
        let meta = targets_meta(path, &new)?;
        // 5.5.6: not expired.
        self.judge.check(path, &new)?;
        // 5.5.7: to be stored.
        self.stored.snapshot = Some(bytes);
        self.trusted.snapshot = Some(new);
        Ok(self.after_snapshot(meta))
    }

    /// Goes on to the targets, which need not be fetched if the stored ones are meant.
    fn after_snapshot(&mut self, meta: MetaFile) -> Phase {
        match (self.trusted.targets.take(), &self.stored.targets) {
            (Some(signed), Some(bytes)) if self.is_meant(&meta, &signed, bytes) => {
                Phase::Done(signed)
            }
            _ => Phase::Targets(meta),
        }
    }

    /// 5.6: the top-level targets.
    fn take_targets(
        &mut self,
        path: &str,
        meta: &MetaFile,
        bytes: Vec<u8>,
    ) -> Result<Phase, TrustError> {
        let by = Role::Snapshot.file_name();
        // 5.6.2: the file that the snapshot describes.
        check_bytes(path, by, meta, &bytes)?;
        // 5.6.3: signed.
        let new = self.verify::<Targets>(path, &bytes)?;
        // 5.6.4: of the version that the snapshot names.
        check_version(path, by, meta, &new)?;
        // 5.6.5: not expired.
        self.judge.check(path, &new)?;
        // 5.6.6: to be stored.
        self.stored.targets = Some(bytes);
        Ok(Phase::Done(new))
    }

    /// Whether what is stored is what `meta` describes, and still valid: then it is not fetched.
    fn is_meant<T>(&self, meta: &MetaFile, signed: &Signed<T>, bytes: &[u8]) -> bool {
        signed.version == meta.version
            && check_bytes("", "", meta, bytes).is_ok()
            && self.judge.check("", signed).is_ok()
    }

    /// The content of metadata, if those who hold the role in the trusted root have signed it.
    fn verify<T: Body>(&self, path: &str, bytes: &[u8]) -> Result<Signed<T>, TrustError> {
        let by = format!("{}.{}", self.root.version, Role::Root.file_name());
        let envelope = read::<T>(path, bytes, &self.limits)?;
        envelope.verify(&self.root.body).map_err(|few| unsigned(path, &by, few))
    }
}

fn read<T: Body>(file: &str, bytes: &[u8], limits: &Limits) -> Result<Envelope<T>, TrustError> {
    Envelope::read(bytes, limits.signatures).map_err(|source| TrustError::Metadata {
        file: file.to_owned(),
        role: T::ROLE,
        source,
    })
}

/// Whether the keys of a role that 5.3.11 speaks of differ between two roots.
fn rotated(old: &Root, new: &Root) -> bool {
    [Role::Timestamp, Role::Snapshot].into_iter().any(|role| {
        let keys = |root: &Root| {
            let holders = root.roles.of(role);
            let mut keys: Vec<_> =
                holders.keyids.iter().map(|id| root.keys.get(id).cloned()).collect();
            keys.sort_by_key(|key| key.as_ref().map(PublicKey::id));
            (keys, holders.threshold)
        };
        keys(old) != keys(new)
    })
}

/// What a snapshot says of the top-level targets, which every snapshot must.
fn targets_meta(file: &str, snapshot: &Signed<Snapshot>) -> Result<MetaFile, TrustError> {
    let meta = snapshot.body.meta.get(Role::Targets.file_name()).cloned();
    meta.ok_or_else(|| TrustError::Mismatch {
        file: Role::Targets.file_name().to_owned(),
        by: file.to_owned(),
    })
}

fn check_bytes(file: &str, by: &str, meta: &MetaFile, bytes: &[u8]) -> Result<(), TrustError> {
    let length = meta.length.is_none_or(|length| length == bytes.len() as u64);
    if length && meta.hashes.as_ref().is_none_or(|hashes| hashes.match_bytes(bytes)) {
        return Ok(());
    }
    Err(TrustError::Mismatch { file: file.to_owned(), by: by.to_owned() })
}

fn check_version<T>(
    file: &str,
    by: &str,
    meta: &MetaFile,
    signed: &Signed<T>,
) -> Result<(), TrustError> {
    if signed.version == meta.version {
        return Ok(());
    }
    Err(TrustError::Mismatch { file: file.to_owned(), by: by.to_owned() })
}

fn unsigned(file: &str, by: &str, source: TooFew) -> TrustError {
    TrustError::Signature { file: file.to_owned(), by: by.to_owned(), source }
}

fn back(file: &str, what: &str, found: u64, trusted: u64) -> TrustError {
    TrustError::Rollback { file: file.to_owned(), what: what.to_owned(), found, trusted }
}
