//! The search for a target among those who may say what it is (5.6.7): preorder, depth first.

use std::collections::{BTreeMap, BTreeSet};

use super::Validity;
use super::checks::{check_bytes, check_version, read, unsigned};
use super::update::{Phase, Update};
use crate::tuf::delegations::Delegations;
use crate::tuf::metadata::{Body, MetaFile, Signed, TargetFile, Targets};
use crate::tuf::role_keys::Authority;
use crate::tuf::{Role, RoleName, TrustError};

/// A search that is under way.
#[derive(Debug)]
pub(super) struct Search {
    path: String,
    /// Who is still to be asked; the last is next.
    to_ask: Vec<Visit>,
    asked: BTreeSet<RoleName>,
}

/// A role that is to be asked, because another delegates to it.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) name: RoleName,
    by: Delegator,
    depth: u32,
}

/// Who delegates: the top-level targets, or one of the delegated roles that were verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delegator {
    Top,
    Role(usize),
}

/// What searches have found.
#[derive(Debug, Default)]
pub(in crate::tuf) struct SearchResults {
    /// Delegated roles, each as it was verified for the one who delegates: by another way it may
    /// need other signatures.
    roles: Vec<Delegated>,
    /// By path, who says what a target is, if anybody does.
    targets: BTreeMap<String, Option<Delegator>>,
}

/// Metadata of a delegated role, verified.
#[derive(Debug)]
struct Delegated {
    name: RoleName,
    by: Delegator,
    signed: Signed<Targets>,
}

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

impl SearchResults {
    /// Where the role is, if it was verified for the same one who delegates.
    fn position(&self, visit: &Visit) -> Option<usize> {
        self.roles.iter().position(|role| role.by == visit.by && role.name == visit.name)
    }

    fn add(&mut self, visit: &Visit, signed: Signed<Targets>) -> usize {
        self.roles.push(Delegated { name: visit.name.clone(), by: visit.by, signed });
        self.roles.len() - 1
    }

    /// What is said of the target at `path`, of which `top` speak first.
    pub(super) fn file<'a>(
        &'a self,
        path: &str,
        top: &'a Signed<Targets>,
    ) -> Result<Option<&'a TargetFile>, TrustError> {
        let said = top.body.targets.get(path);
        if said.is_some() || top.body.delegations.is_none() {
            return Ok(said);
        }
        // Where others may know, only a search tells.
        let who = self.targets.get(path).ok_or(TrustError::Unfinished)?;
        let Some(Delegator::Role(at)) = who else { return Ok(None) };
        Ok(self.roles.get(*at).and_then(|role| role.signed.body.targets.get(path)))
    }

    /// For how long the delegated metadata are valid.
    pub(super) fn validity(&self) -> impl Iterator<Item = Validity> {
        self.roles.iter().map(|role| Validity::of_delegated(&role.name, &role.signed))
    }

    /// The delegated roles that were asked.
    pub(super) fn roles(&self) -> impl Iterator<Item = (&RoleName, &Signed<Targets>)> {
        self.roles.iter().map(|role| (&role.name, &role.signed))
    }
}
