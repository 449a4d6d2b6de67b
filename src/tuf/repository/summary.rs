//! A repository as people look at it who want to know whether to trust it: who has signed what, for
//! how long it counts, and what is released.

use std::collections::BTreeMap;

use super::audit::{Audit, Newest};
use super::root::KeySummary;
use super::teams::{self, Team};
use super::{RootError, RootSummary, TrustedRoot};
use crate::primitives::{Digest, Name};
use crate::tuf::client::{describe, storage_path, target_path};
use crate::tuf::metadata::{Body, Signed, Targets};
use crate::tuf::{Draft, KeyId, Role, RoleName, UtcTime};

/// A repository that verifies, as people look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositorySummary {
    /// Every version of root metadata, from the one that was trusted on.
    pub roots: Vec<SignedRoot>,
    /// The metadata of the newest release: timestamp, snapshot, targets, then those of teams.
    pub metadata: Vec<MetadataSummary>,
    /// The bundle of every gateway.
    pub bundles: BTreeMap<Name, BundleSummary>,
}

/// One version of root metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoot {
    /// What it says.
    pub summary: RootSummary,
    /// Which of its own holders of the root role have signed it.
    pub signed: Vec<KeySummary>,
}

/// One metadata file that is no root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataSummary {
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
    pub signed: Vec<KeySummary>,
}

/// What a release says of one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSummary {
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
    /// The repository as people look at it. `first` is the root that the audit began with.
    #[must_use]
    pub fn summary(&self, first: &[u8]) -> RepositorySummary {
        let all = [first].into_iter().chain(self.roots.values().map(Vec::as_slice));
        let mut roots: Vec<_> = all.filter_map(signed_root).collect();
        roots.sort_by_key(|root| root.summary.version);
        let mut summary =
            RepositorySummary { roots, metadata: Vec::new(), bundles: BTreeMap::new() };
        if let Some(newest) = &self.newest {
            summary.metadata = self.metadata(newest, &summary.roots);
            summary.bundles = bundles(newest);
        }
        summary
    }

    fn metadata(&self, newest: &Newest, roots: &[SignedRoot]) -> Vec<MetadataSummary> {
        let version = newest.superseded.unwrap_or(self.root.version).get();
        let root = roots.iter().find(|root| root.summary.version == version);
        let holders = |role: Role| {
            let role = root?.summary.roles.iter().find(|holders| holders.role == role)?;
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
        let mut summary = vec![
            metadata_summary("timestamp", &newest.timestamp, timestamp),
            metadata_summary("snapshot", &newest.snapshot, snapshot),
            metadata_summary("targets", &newest.targets, targets),
        ];
        for team in &newest.teams {
            let (threshold, keys) = team_holders(&newest.targets.body, &team.name);
            let bytes = team.content.clone();
            summary.push(metadata_summary(
                &team.name.to_string(),
                &team.signed,
                (bytes, threshold, keys),
            ));
        }
        summary
    }
}

/// One of the roots that the audit has verified: here it is only looked at.
fn signed_root(bytes: &[u8]) -> Option<SignedRoot> {
    let root = TrustedRoot::follow(bytes.to_vec(), |_| Ok::<_, RootError>(None));
    let summary = root.ok()?.summary();
    let keys = summary.roles.iter().find(|holders| holders.role == Role::Root);
    let keys = keys.map(|holders| holders.keys.clone()).unwrap_or_default();
    let signed = signers(bytes, Role::Root, &keys);
    Some(SignedRoot { summary, signed })
}

fn metadata_summary<T: Body>(
    role: &str,
    signed: &Signed<T>,
    (bytes, threshold, keys): (Vec<u8>, u64, Vec<KeySummary>),
) -> MetadataSummary {
    MetadataSummary {
        role: role.to_owned(),
        version: signed.version.get(),
        signed_at: signed.signed_at,
        expires: signed.expires,
        threshold,
        signed: signers(&bytes, T::ROLE, &keys),
    }
}

/// Which of `keys` have signed the file.
fn signers(bytes: &[u8], role: Role, keys: &[KeySummary]) -> Vec<KeySummary> {
    let Ok(draft) = Draft::read(bytes, role) else { return Vec::new() };
    let by = |id: &KeyId| draft.signatures().find(|(by, _)| *by == id).map(|(_, text)| text);
    let has = |key: &&KeySummary| {
        by(&key.id).is_some_and(|signature| key.key.verifies(draft.message(), signature))
    };
    keys.iter().filter(has).cloned().collect()
}

/// Who may sign for a team, and how many must.
fn team_holders(targets: &Targets, team: &RoleName) -> (u64, Vec<KeySummary>) {
    let authority = targets.delegations.as_ref().and_then(|to| to.authority(team));
    let Some(authority) = authority else { return (0, Vec::new()) };
    let summary = |id: &KeyId| {
        let key = authority.keys.get(id)?.clone();
        Some(KeySummary { id: id.clone(), name: None, key })
    };
    (authority.threshold.get(), authority.keyids.iter().filter_map(summary).collect())
}

fn bundles(newest: &Newest) -> BTreeMap<Name, BundleSummary> {
    let targets = &newest.targets.body;
    let by = |gateway: &Name, teams: &[Team]| {
        if targets.targets.contains_key(&target_path(gateway)) {
            return Role::Targets.to_string();
        }
        let team = teams::answer(teams, targets, gateway).map(|(team, _)| team.to_string());
        team.unwrap_or_default()
    };
    let summary = |(gateway, file): (Name, crate::tuf::metadata::TargetFile)| {
        let digest = file.hashes.digest()?;
        let bundle = BundleSummary {
            path: storage_path(&gateway, Some(digest)),
            length: file.length,
            digest,
            by: by(&gateway, &newest.teams),
            source_commit: describe(&file).ok()?.source_commit,
        };
        Some((gateway, bundle))
    };
    teams::effective(targets, &newest.teams).into_iter().filter_map(summary).collect()
}
