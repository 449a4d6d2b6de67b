//! The state of the search for a target among those who may say what it is (5.6.7).

use std::collections::{BTreeMap, BTreeSet};

use super::Validity;
use crate::tuf::metadata::{Signed, TargetFile, Targets};
use crate::tuf::{RoleName, TrustError};

/// A search that is under way.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) path: String,
    /// Who is still to be asked; the last is next.
    pub(super) to_ask: Vec<Visit>,
    pub(super) asked: BTreeSet<RoleName>,
}

/// A role that is to be asked, because another delegates to it.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) name: RoleName,
    pub(super) by: Delegator,
    pub(super) depth: u32,
}

/// Who delegates: the top-level targets, or one of the delegated roles that were verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delegator {
    Top,
    Role(usize),
}

/// What searches have found.
#[derive(Debug, Default)]
pub(in crate::tuf) struct SearchResults {
    /// Delegated roles, each as it was verified for the one who delegates: by another way it may
    /// need other signatures.
    pub(super) roles: Vec<Delegated>,
    /// By path, who says what a target is, if anybody does.
    pub(super) targets: BTreeMap<String, Option<Delegator>>,
}

/// Metadata of a delegated role, verified.
#[derive(Debug)]
pub(super) struct Delegated {
    pub(super) name: RoleName,
    by: Delegator,
    pub(super) signed: Signed<Targets>,
}

impl SearchResults {
    /// Where the role is, if it was verified for the same one who delegates.
    pub(super) fn position(&self, visit: &Visit) -> Option<usize> {
        self.roles.iter().position(|role| role.by == visit.by && role.name == visit.name)
    }

    pub(super) fn add(&mut self, visit: &Visit, signed: Signed<Targets>) -> usize {
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
