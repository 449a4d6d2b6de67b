//! The search for a target among those who may say what it is (5.6.7): preorder, depth first.

use std::collections::BTreeSet;

use super::checks::{check_bytes, check_version, read, unsigned};
use super::search::{Delegator, Search, Visit};
use super::update::{Phase, Update};
use crate::tuf::delegations::Delegations;
use crate::tuf::metadata::{Body, MetaFile, Signed, Targets};
use crate::tuf::role_keys::Authority;
use crate::tuf::{Role, RoleName, TrustError};

impl Update {
    /// 5.6.7: goes on with what is sought, as far as that is possible without another file.
    pub(super) fn search_on(&mut self) -> Result<Phase, TrustError> {
        loop {
            let Some(mut search) = self.search.take() else {
                let Some(path) = self.wanted.pop_front() else { return Ok(Phase::Done) };
                let (to_ask, asked) = (Vec::new(), BTreeSet::new());
                self.consider(Search { path, to_ask, asked }, Delegator::Top, 0)?;
                continue;
            };
            let Some(visit) = search.to_ask.pop() else {
                self.found.targets.insert(search.path, None);
                continue;
            };
            // 5.6.7.1: a role that was asked is not asked again, so cycles end; and there are not
            // too many.
            if !search.asked.insert(visit.name.clone()) {
                self.search = Some(search);
                continue;
            }
            if search.asked.len() > self.limits.delegations {
                let limit = self.limits.delegations;
                return Err(TrustError::TooManyRoles { target: search.path, limit });
            }
            if let Some(at) = self.found.position(&visit) {
                self.consider(search, Delegator::Role(at), visit.depth)?;
                continue;
            }
            let meta = self.delegated_meta(&visit.name)?;
            let Some(signed) = self.kept(&visit, &meta) else {
                self.search = Some(search);
                return Ok(Phase::Delegated(visit, meta));
            };
            let at = self.found.add(&visit, signed);
            self.consider(search, Delegator::Role(at), visit.depth)?;
        }
    }

    /// Ends the search where `who` knows the target, and else goes on to those they delegate to.
    fn consider(&mut self, mut search: Search, who: Delegator, at: u32) -> Result<(), TrustError> {
        let Some(targets) = self.targets_of(who) else { return Err(TrustError::Unfinished) };
        if targets.targets.contains_key(&search.path) {
            self.found.targets.insert(search.path, Some(who));
            return Ok(());
        }
        // 5.6.7.2: in their order, each with those below it before the next.
        let below = targets.delegations.as_ref().map(|to| to.of(&search.path)).unwrap_or_default();
        if at >= self.limits.depth && !below.is_empty() {
            let limit = self.limits.depth;
            return Err(TrustError::TooDeep { target: search.path, limit });
        }
        // 5.6.7.2.1: after a terminating delegation nobody else is asked, not even those whom
        // earlier ones would have passed the question on to.
        if below.iter().any(|delegation| delegation.terminating) {
            search.to_ask.clear();
        }
        let visit = |name| Visit { name, by: who, depth: at + 1 };
        search.to_ask.extend(below.into_iter().rev().map(|delegation| visit(delegation.name)));
        self.search = Some(search);
        Ok(())
    }

    /// What the snapshot says of a delegated role's metadata.
    fn delegated_meta(&self, role: &RoleName) -> Result<MetaFile, TrustError> {
        let snapshot = self.trusted.snapshot.as_ref();
        let meta = snapshot.and_then(|signed| signed.body.meta.get(&role.meta_name()));
        meta.cloned().ok_or_else(|| TrustError::Mismatch {
            file: role.file_name(),
            by: Role::Snapshot.file_name().to_owned(),
        })
    }

    /// What is stored of a delegated role, if it is what the snapshot means and those have signed
    /// it whom the one who now delegates names.
    fn kept(&self, visit: &Visit, meta: &MetaFile) -> Option<Signed<Targets>> {
        let bytes = self.stored.delegated.get(&visit.name)?;
        let signed = self.verify_delegated("", visit, bytes).ok()?;
        self.is_meant(meta, &signed, bytes).then_some(signed)
    }

    /// 5.6.1 to 5.6.6, for the metadata of a delegated role.
    pub(super) fn take_delegated(
        &mut self,
        path: &str,
        visit: &Visit,
        meta: &MetaFile,
        bytes: Vec<u8>,
    ) -> Result<Phase, TrustError> {
        let by = Role::Snapshot.file_name();
        // 5.6.2: the file that the snapshot describes.
        check_bytes(path, by, meta, &bytes)?;
        // 5.6.3: signed by those whom the one who delegates names.
        let new = self.verify_delegated(path, visit, &bytes)?;
        // 5.6.4: of the version that the snapshot names.
        check_version(path, by, meta, &new)?;
        // 5.6.5: not expired.
        self.expiry_check.check(path, &new)?;
        // 5.6.6: to be stored.
        self.stored.delegated.insert(visit.name.clone(), bytes);
        let Some(search) = self.search.take() else { return Err(TrustError::Unfinished) };
        let at = self.found.add(visit, new);
        self.consider(search, Delegator::Role(at), visit.depth)?;
        self.search_on()
    }

    /// The content of a delegated role's metadata, if those have signed it whom the one who
    /// delegates names.
    fn verify_delegated(
        &self,
        path: &str,
        visit: &Visit,
        bytes: &[u8],
    ) -> Result<Signed<Targets>, TrustError> {
        let authority = self.authority(visit).ok_or(TrustError::Unfinished)?;
        let envelope = read::<Targets>(path, bytes, &self.limits)?;
        let by = match visit.by {
            Delegator::Top => Targets::ROLE.file_name().to_owned(),
            Delegator::Role(at) => {
                self.found.roles.get(at).map(|role| role.name.file_name()).unwrap_or_default()
            }
        };
        envelope.verify(authority).map_err(|few| unsigned(path, &by, few))
    }

    /// Who has to sign for a delegated role.
    fn authority(&self, visit: &Visit) -> Option<Authority<'_>> {
        let delegations: &Delegations = self.targets_of(visit.by)?.delegations.as_ref()?;
        delegations.authority(&visit.name)
    }

    fn targets_of(&self, who: Delegator) -> Option<&Targets> {
        match who {
            Delegator::Top => Some(&self.trusted.targets.as_ref()?.body),
            Delegator::Role(at) => Some(&self.found.roles.get(at)?.signed.body),
        }
    }
}
