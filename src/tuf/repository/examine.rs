//! A repository as people look at it who want to know whether to trust it: who has signed what, for
//! how long it counts, and what is released.

use std::collections::BTreeMap;

use super::audit::{Audit, Newest};
use super::root::KeyView;
use super::teams::{self, Team};
use super::{RootError, RootView, TrustedRoot};
use crate::primitives::{Digest, Name};
use crate::tuf::client::{describe, storage_path, target_path};
use crate::tuf::metadata::{Body, Signed, Targets};
use crate::tuf::{Draft, KeyId, Role, RoleName, UtcTime};

/// What there is to see of a repository that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// Every version of root metadata, from the one that was trusted on.
    pub roots: Vec<RootSight>,
    /// The metadata of the newest release: timestamp, snapshot, targets, then those of teams.
    pub metadata: Vec<MetadataSight>,
    /// The bundle of every gateway.
    pub bundles: BTreeMap<Name, BundleSight>,
}

/// One version of root metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSight {
    /// What it says.
    pub view: RootView,
    /// Which of its own holders of the root role have signed it.
    pub signed: Vec<KeyView>,
}

/// One metadata file that is no root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataSight {
    /// Whose: `timestamp`, `snapshot`, `targets` or the name of a team.
    pub role: String,
    /// Its version.
    pub version: u64,
    /// When it says it was signed.
    pub signed_at: Option<UtcTime>,
    /// When it expires.
    pub expires: UtcTime,
    /// How many keys had to sign.
    pub threshold: u64,
    /// Who did.
    pub signed: Vec<KeyView>,
}

/// What a release says of one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSight {
    /// Where it is in the repository.
    pub path: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its digest.
    pub digest: Digest,
    /// Who answers for it: `targets` or a team.
    pub by: String,
    /// The commit that it was built from, if that is known.
    pub source_commit: Option<String>,
}

impl Audit {
    /// What there is to see. `first` is the root that the audit began with.
    #[must_use]
    pub fn examine(&self, first: &[u8]) -> Examination {
        let all = [first].into_iter().chain(self.roots.values().map(Vec::as_slice));
        let mut roots: Vec<_> = all.filter_map(root_sight).collect();
        roots.sort_by_key(|root| root.view.version);
        let mut seen = Examination { roots, metadata: Vec::new(), bundles: BTreeMap::new() };
        if let Some(newest) = &self.newest {
            seen.metadata = self.metadata(newest, &seen.roots);
            seen.bundles = bundles(newest);
        }
        seen
    }

    fn metadata(&self, newest: &Newest, roots: &[RootSight]) -> Vec<MetadataSight> {
        let version = newest.superseded.unwrap_or(self.root.version).get();
        let root = roots.iter().find(|root| root.view.version == version);
        let holders = |role: Role| {
            let role = root?.view.roles.iter().find(|holders| holders.role == role)?;
            Some((role.threshold, role.keys.clone()))
        };
        let stored = &self.stored;
        let of = |role, bytes: &Option<Vec<u8>>| {
            let (threshold, keys) = holders(role).unwrap_or_default();
            (bytes.clone().unwrap_or_default(), threshold, keys)
        };
        let timestamp = of(Role::Timestamp, &stored.timestamp);
        let snapshot = of(Role::Snapshot, &stored.snapshot);
        let targets = of(Role::Targets, &stored.targets);
        let mut seen = vec![
            sight("timestamp", &newest.timestamp, timestamp),
            sight("snapshot", &newest.snapshot, snapshot),
            sight("targets", &newest.targets, targets),
        ];
        for team in &newest.teams {
            let (threshold, keys) = team_holders(&newest.targets.body, &team.name);
            let bytes = team.content.clone();
            seen.push(sight(&team.name.to_string(), &team.signed, (bytes, threshold, keys)));
        }
        seen
    }
}

/// One of the roots that the audit has verified: here it is only looked at.
fn root_sight(bytes: &[u8]) -> Option<RootSight> {
    let root = TrustedRoot::follow(bytes.to_vec(), |_| Ok::<_, RootError>(None));
    let view = root.ok()?.view();
    let keys = view.roles.iter().find(|holders| holders.role == Role::Root);
    let keys = keys.map(|holders| holders.keys.clone()).unwrap_or_default();
    let signed = signers(bytes, Role::Root, &keys);
    Some(RootSight { view, signed })
}

fn sight<T: Body>(
    role: &str,
    signed: &Signed<T>,
    (bytes, threshold, keys): (Vec<u8>, u64, Vec<KeyView>),
) -> MetadataSight {
    MetadataSight {
        role: role.to_owned(),
        version: signed.version.get(),
        signed_at: signed.signed_at,
        expires: signed.expires,
        threshold,
        signed: signers(&bytes, T::ROLE, &keys),
    }
}

/// Which of `keys` have signed the file.
fn signers(bytes: &[u8], role: Role, keys: &[KeyView]) -> Vec<KeyView> {
    let Ok(draft) = Draft::read(bytes, role) else { return Vec::new() };
    let by = |id: &KeyId| draft.signatures().find(|(by, _)| *by == id).map(|(_, text)| text);
    let has = |key: &&KeyView| {
        by(&key.id).is_some_and(|signature| key.key.verifies(draft.message(), signature))
    };
    keys.iter().filter(has).cloned().collect()
}

/// Who may sign for a team, and how many must.
fn team_holders(targets: &Targets, team: &RoleName) -> (u64, Vec<KeyView>) {
    let authority = targets.delegations.as_ref().and_then(|to| to.authority(team));
    let Some(authority) = authority else { return (0, Vec::new()) };
    let view = |id: &KeyId| {
        let key = authority.keys.get(id)?.clone();
        Some(KeyView { id: id.clone(), name: None, key })
    };
    (authority.threshold.get(), authority.keyids.iter().filter_map(view).collect())
}

fn bundles(newest: &Newest) -> BTreeMap<Name, BundleSight> {
    let targets = &newest.targets.body;
    let by = |gateway: &Name, teams: &[Team]| {
        if targets.targets.contains_key(&target_path(gateway)) {
            return Role::Targets.to_string();
        }
        let team = teams::says(teams, targets, gateway).map(|(team, _)| team.to_string());
        team.unwrap_or_default()
    };
    let sight = |(gateway, file): (Name, crate::tuf::metadata::TargetFile)| {
        let digest = file.hashes.digest()?;
        let bundle = BundleSight {
            path: storage_path(&gateway, Some(digest)),
            length: file.length,
            digest,
            by: by(&gateway, &newest.teams),
            source_commit: describe(&file).ok()?.source_commit,
        };
        Some((gateway, bundle))
    };
    teams::effective(targets, &newest.teams).into_iter().filter_map(sight).collect()
}
