//! The steps of the workflow, numbered as in section 5 of the specification.

use super::Stored;
use super::checks::{back, check_bytes, check_version, read, rotated, targets_meta, unsigned};
use super::update::{Phase, Update};
use crate::tuf::metadata::{Body, MetaFile, Root, Signed, Snapshot, Targets, Timestamp};
use crate::tuf::{Role, TrustError};

impl Update {
    /// 5.3: version N+1 of root metadata.
    pub(super) fn take_root(&mut self, path: &str, bytes: Vec<u8>) -> Result<Phase, TrustError> {
        let envelope = read::<Root>(path, &bytes, &self.limits)?;
        // 5.3.4: signed by those whom version N names, and by those whom N+1 names.
        let before = format!("{}.{}", self.root.version, Role::Root.file_name());
        envelope
            .check(self.root.body.authority(Role::Root))
            .map_err(|few| unsigned(path, &before, few))?;
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
    pub(super) fn settle_root(&mut self) -> Result<Phase, TrustError> {
        // 5.3.11: after a change of keys nothing protects the old version numbers, or whoever stole
        // a key could have made them so high that no honest release ever passes them.
        if self.rotated {
            (self.stored.timestamp, self.stored.snapshot, self.stored.targets) = (None, None, None);
            self.stored.delegated.clear();
        }
        self.trusted.timestamp = self.load(&mut |stored| &mut stored.timestamp);
        self.trusted.snapshot = self.load(&mut |stored| &mut stored.snapshot);
        self.trusted.targets = self.load(&mut |stored| &mut stored.targets);
        self.expiry_check = self
            .expiry_check
            .not_before(self.root.signed_at)
            .not_before(self.trusted.timestamp.as_ref().and_then(|signed| signed.signed_at))
            .not_before(self.trusted.snapshot.as_ref().and_then(|signed| signed.signed_at))
            .not_before(self.trusted.targets.as_ref().and_then(|signed| signed.signed_at));
        // 5.3.10: the newest root has not expired.
        self.expiry_check.check(Role::Root.file_name(), &self.root)?;
        Ok(Phase::Timestamp)
    }

    /// What is stored in one place, if it still verifies; else it is forgotten.
    fn load<T: Body>(
        &mut self,
        place: &mut dyn FnMut(&mut Stored) -> &mut Option<Vec<u8>>,
    ) -> Option<Signed<T>> {
        let bytes = place(&mut self.stored);
        let envelope = read::<T>(T::ROLE.file_name(), bytes.as_deref()?, &self.limits);
        let signed = envelope
            .ok()
            .and_then(|envelope| envelope.verify(self.root.body.authority(T::ROLE)).ok());
        if signed.is_none() {
            *bytes = None;
        }
        signed
    }

    /// 5.4: the timestamp.
    pub(super) fn take_timestamp(
        &mut self,
        path: &str,
        bytes: Vec<u8>,
    ) -> Result<Phase, TrustError> {
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
                self.expiry_check.check(path, trusted)?;
                let meta = trusted.body.meta.snapshot.clone();
                return self.after_timestamp(meta);
            }
        }
        // 5.4.4: not expired.
        self.expiry_check.check(path, &new)?;
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
                self.after_snapshot(meta)
            }
            _ => Ok(Phase::Snapshot(meta)),
        }
    }

    /// 5.5: the snapshot.
    pub(super) fn take_snapshot(
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
        self.expiry_check.check(path, &new)?;
        // 5.5.7: to be stored.
        self.stored.snapshot = Some(bytes);
        self.trusted.snapshot = Some(new);
        self.after_snapshot(meta)
    }

    /// Goes on to the targets, which need not be fetched if the stored ones are meant.
    fn after_snapshot(&mut self, meta: MetaFile) -> Result<Phase, TrustError> {
        match (&self.trusted.targets, &self.stored.targets) {
            (Some(signed), Some(bytes)) if self.is_meant(&meta, signed, bytes) => self.search_on(),
            _ => Ok(Phase::Targets(meta)),
        }
    }

    /// 5.6: the top-level targets.
    pub(super) fn take_targets(
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
        self.expiry_check.check(path, &new)?;
        // 5.6.6: to be stored.
        self.stored.targets = Some(bytes);
        self.trusted.targets = Some(new);
        self.search_on()
    }

    /// The content of top-level metadata, if those who hold the role in the trusted root have signed it.
    fn verify<T: Body>(&self, path: &str, bytes: &[u8]) -> Result<Signed<T>, TrustError> {
        let by = format!("{}.{}", self.root.version, Role::Root.file_name());
        let envelope = read::<T>(path, bytes, &self.limits)?;
        envelope.verify(self.root.body.authority(T::ROLE)).map_err(|few| unsigned(path, &by, few))
    }
}
