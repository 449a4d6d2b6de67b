//! Which bundles others than the targets role answer for.

use std::collections::BTreeMap;

use super::RepositoryError;
use crate::primitives::Name;
use crate::tuf::client::{Request, describe, target_path};
use crate::tuf::envelope::Envelope;
use crate::tuf::metadata::{MetaFile, Signed, Snapshot, TargetFile, Targets};
use crate::tuf::{Limits, RoleName, TrustError};

/// A delegated role, as the repository has it.
#[derive(Debug, Clone)]
pub(super) struct Team {
    pub(super) name: RoleName,
    /// Its metadata, if those have signed them whom the targets metadata name.
    pub(super) signed: Signed<Targets>,
    /// The file they stand in.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
}

/// The delegated roles that `targets` and `snapshot` name and that have metadata. `read` gives the bytes of a file.
pub(super) fn read<E: From<RepositoryError>>(
    targets: &Targets,
    snapshot: &Snapshot,
    read: &mut impl FnMut(&Request) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<Team>, E> {
    let previous = |error| E::from(RepositoryError::Previous(error));
    let mut teams = Vec::new();
    let roles = targets.delegations.iter().flat_map(|to| to.roles.iter().flatten());
    for role in roles {
        let name = role.name.clone();
        let Some(meta) = snapshot.meta.get(&name.meta_name()) else { continue };
        let path = name.path(Some(meta.version.get()));
        let request = Request { path, limit: Limits::GATEWAY.targets };
        let missing = || previous(TrustError::Missing { file: request.path.clone() });
        let content = read(&request)?.ok_or_else(missing)?;
        if !is(meta, &content) {
            let by = "snapshot.json".to_owned();
            return Err(previous(TrustError::Mismatch { file: request.path, by }));
        }
        // Where its keys were replaced, nothing it said counts until it signs again.
        let team = verified(targets, name, request.path, content);
        teams.extend(team.filter(|team| team.signed.version == meta.version));
    }
    Ok(teams)
}

/// A team's file, if `targets` delegate to those who signed it.
fn verified(targets: &Targets, name: RoleName, path: String, content: Vec<u8>) -> Option<Team> {
    let authority = targets.delegations.as_ref()?.authority(&name)?;
    let envelope = Envelope::<Targets>::read(&content, Limits::GATEWAY.signatures).ok()?;
    let signed = envelope.verify(authority).ok()?;
    Some(Team { name, signed, path, content })
}

fn is(meta: &MetaFile, content: &[u8]) -> bool {
    meta.length.is_none_or(|length| length == content.len() as u64)
        && meta.hashes.as_ref().is_none_or(|hashes| hashes.match_bytes(content))
}

/// Those of `teams` that still speak for themselves under the delegations of `targets`.
pub(super) fn still(teams: &[Team], targets: &Targets) -> Vec<Team> {
    let again = |team: &Team| {
        let Team { name, path, content, .. } = team.clone();
        verified(targets, name, path, content)
    };
    teams.iter().filter_map(again).collect()
}

/// What the team says that answers for a gateway's bundle, if one does: the first in the order of
/// delegations that has something to say of it.
pub(super) fn answer<'a>(
    teams: &'a [Team],
    targets: &Targets,
    gateway: &Name,
) -> Option<(&'a RoleName, &'a TargetFile)> {
    let path = target_path(gateway);
    let asked = targets.delegations.as_ref()?.of(&path);
    let team = |name: &RoleName| teams.iter().find(|team| team.name == *name);
    asked.iter().filter_map(|asked| team(&asked.name)).find_map(|team| {
        let file = team.signed.body.targets.get(&path)?;
        Some((&team.name, file))
    })
}

/// The gateways that `targets` list themselves.
pub(super) fn listed(targets: &Targets) -> BTreeMap<Name, TargetFile> {
    let bundle = |file: &TargetFile| Some((describe(file).ok()?.gateway, file.clone()));
    targets.targets.values().filter_map(bundle).collect()
}

/// What a client finds for every gateway: what `targets` say, and for the others what teams say.
pub(super) fn effective(targets: &Targets, teams: &[Team]) -> BTreeMap<Name, TargetFile> {
    let mut bundles = listed(targets);
    for gateway in teams.iter().flat_map(|team| listed(&team.signed.body).into_keys()) {
        if let Some((_, file)) = answer(teams, targets, &gateway)
            && !targets.targets.contains_key(&target_path(&gateway))
        {
            bundles.entry(gateway).or_insert_with(|| file.clone());
        }
    }
    bundles
}
