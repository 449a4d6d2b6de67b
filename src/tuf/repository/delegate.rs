//! Giving a team the say over some gateways, and taking it back.
//!
//! A team's role is terminating and its paths are single bundles, without patterns: it speaks of its
//! own gateways and of no others. The targets role goes on to answer for a gateway until the team
//! has signed for it, and again from the moment on at which the team's keys change or it is removed,
//! so no gateway is ever without a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde_json::Map;

use super::propose::propose_with_delegations;
use super::{Audit, ProposedRelease, ReleaseTerms, RepositoryError};
use crate::bundle::Build;
use crate::primitives::Name;
use crate::tuf::client::target_path;
use crate::tuf::delegations::{DelegatedRole, Delegations};
use crate::tuf::{KeyId, PublicKey, RoleName, UtcTime};

/// What is to change about delegations.
#[derive(Debug, Clone)]
pub enum Delegate {
    /// These keys, `threshold` of them together, answer for these gateways, whatever the team had
    /// before.
    Set {
        /// The team.
        team: RoleName,
        /// Its keys.
        keys: Vec<PublicKey>,
        /// How many of them must sign.
        threshold: NonZeroU64,
        /// Its gateways.
        gateways: BTreeSet<Name>,
    },
    /// The team answers for nothing any more.
    Remove {
        /// The team.
        team: RoleName,
    },
}

/// One team as the newest release has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamSummary {
    /// Its name.
    pub team: RoleName,
    /// The ids of its keys.
    pub keys: Vec<KeyId>,
    /// How many of them must sign.
    pub threshold: u64,
    /// The paths it may speak of.
    pub paths: Vec<String>,
    /// The gateways it has signed for.
    pub gateways: Vec<Name>,
    /// When what it signed expires; `None` where nothing counts that it signed.
    pub expires: Option<UtcTime>,
}

/// The release that follows the newest of `previous`, with other delegations.
pub fn delegate(
    previous: &Audit,
    change: Delegate,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    terms: &ReleaseTerms,
) -> Result<ProposedRelease, RepositoryError> {
    let newest = previous.newest.as_ref();
    let before = newest.and_then(|newest| newest.targets.body.delegations.clone());
    let mut next = before.unwrap_or_else(|| Delegations {
        keys: BTreeMap::new(),
        roles: None,
        succinct_roles: None,
        other: Map::new(),
    });
    let roles = next.roles.get_or_insert_default();
    match change {
        Delegate::Remove { team } => {
            let count = roles.len();
            roles.retain(|role| role.name != team);
            if roles.len() == count {
                return Err(RepositoryError::NoTeam { team });
            }
        }
        Delegate::Set { team, keys, threshold, gateways } => {
            let keys: BTreeMap<KeyId, PublicKey> =
                keys.into_iter().map(|key| (key.id(), key)).collect();
            if threshold.get() > keys.len() as u64 {
                let (role, threshold) = (team.to_string(), threshold.get());
                return Err(RepositoryError::Threshold { role, keys: keys.len(), threshold });
            }
            for gateway in &gateways {
                if !build.gateways.contains_key(gateway) {
                    return Err(RepositoryError::Unknown { gateway: gateway.clone() });
                }
                let path = Some(target_path(gateway));
                let has = |role: &&DelegatedRole| {
                    role.name != team
                        && role.paths.iter().flatten().any(|at| Some(at) == path.as_ref())
                };
                if let Some(other) = roles.iter().find(has) {
                    let (gateway, team) = (gateway.clone(), other.name.clone());
                    return Err(RepositoryError::Taken { gateway, team });
                }
            }
            let role = DelegatedRole {
                name: team,
                keyids: keys.keys().cloned().collect(),
                threshold,
                terminating: true,
                paths: Some(gateways.iter().map(target_path).collect()),
                path_hash_prefixes: None,
                other: Map::new(),
            };
            match roles.iter_mut().find(|other| other.name == role.name) {
                Some(place) => *place = role,
                None => roles.push(role),
            }
            next.keys.extend(keys);
        }
    }
    let used = |id: &KeyId| next.roles.iter().flatten().any(|role| role.keyids.contains(id));
    let unused: Vec<_> = next.keys.keys().filter(|id| !used(id)).cloned().collect();
    next.keys.retain(|id, _| !unused.contains(id));
    let next = next.roles.as_ref().is_some_and(|roles| !roles.is_empty()).then_some(next);
    propose_with_delegations(previous, next, build, bundles, terms)
}

impl Audit {
    /// The teams of the newest release.
    #[must_use]
    pub fn teams(&self) -> Vec<TeamSummary> {
        let Some(newest) = &self.newest else { return Vec::new() };
        let roles = newest.targets.body.delegations.iter().flat_map(|to| to.roles.iter().flatten());
        let summary = |role: &DelegatedRole| {
            let team = newest.teams.iter().find(|team| team.name == role.name);
            let gateways = team.map(|team| super::teams::listed(&team.signed.body));
            TeamSummary {
                team: role.name.clone(),
                keys: role.keyids.clone(),
                threshold: role.threshold.get(),
                paths: role.paths.clone().unwrap_or_default(),
                gateways: gateways.unwrap_or_default().into_keys().collect(),
                expires: team.map(|team| team.signed.expires),
            }
        };
        roles.map(summary).collect()
    }
}
