//! One update from its first request to its end: the newest release, or the reason why not.

use std::mem;

use super::release::target_path;
use super::update::{Phase, Update};
use super::{Request, Validity, VerifiedFile, VerifiedRelease};
use crate::primitives::Name;
use crate::tuf::metadata::MetaFile;
use crate::tuf::{Role, TrustError};

impl Update {
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
