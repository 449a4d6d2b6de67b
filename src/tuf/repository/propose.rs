//! What the next release is, before anybody has signed it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use super::audit::Newest;
use super::signing::{draft, next_version};
use super::teams::{self, Team};
use super::{
    Audit, Changes, NewFile, ProposedMetadata, ProposedRelease, ReleaseTerms, RepositoryError,
};
use crate::bundle::{self, Build};
use crate::primitives::{Digest, Name};
use crate::tuf::client::{Description, describe, storage_path, target_path};
use crate::tuf::delegations::{DelegatedRole, Delegations, SuccinctRoles};
use crate::tuf::metadata::{TargetFile, Targets};
use crate::tuf::{Hashes, PublicKey, Role, RoleName, SignerError, TrustError};

/// The release that follows the newest of `previous`: the bundles of `build`, whose bytes are
/// `bundles`, save those that a team answers for.
pub fn propose(
    previous: &Audit,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    terms: &ReleaseTerms,
) -> Result<ProposedRelease, RepositoryError> {
    let newest = previous.newest.as_ref();
    let delegations = newest.and_then(|newest| newest.targets.body.delegations.clone());
    propose_with_delegations(previous, delegations, build, bundles, terms)
}

/// The same with other delegations.
pub(super) fn propose_with_delegations(
    previous: &Audit,
    delegations: Option<Delegations>,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    terms: &ReleaseTerms,
) -> Result<ProposedRelease, RepositoryError> {
    check_build(previous, build)?;
    let inherited = previous.inherited();
    if !inherited.is_empty() {
        return Err(RepositoryError::Inherited { teams: inherited });
    }
    let newest = previous.newest.as_ref();
    let mut next = newest.map_or_else(empty, |newest| newest.targets.body.clone());
    next.delegations = delegations;
    let speakers = newest.map(|newest| teams::still(&newest.teams, &next)).unwrap_or_default();
    let elsewhere: BTreeMap<Name, RoleName> = build
        .gateways
        .keys()
        .filter_map(|name| Some((name.clone(), teams::answer(&speakers, &next, name)?.0.clone())))
        .collect();
    // Targets that are no bundles of ours stay, like everything else we do not know.
    next.targets.retain(|_, file| {
        describe(file).ok().is_none_or(|was| {
            build.gateways.contains_key(&was.gateway) && !elsewhere.contains_key(&was.gateway)
        })
    });
    let own = build.gateways.keys().filter(|gateway| !elsewhere.contains_key(*gateway));
    let files = add_bundles(&mut next, own, build, bundles)?;
    let changes = changes(newest, &teams::effective(&next, &speakers));
    let version = next_version(Role::Targets, newest.map(|newest| newest.targets.version))?;
    let targets = draft(next, version, terms.targets_expire, terms.signed_at)?;
    Ok(ProposedRelease {
        number: version.get(),
        source_commit: build.source_commit.clone(),
        changes,
        elsewhere,
        metadata: ProposedMetadata::begin(&targets, None)?,
        bundles: files,
    })
}

/// What `team` says next of its own gateways: the bundles of `build` that are delegated to it.
pub fn propose_for_team(
    previous: &Audit,
    team: &RoleName,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    terms: &ReleaseTerms,
) -> Result<ProposedRelease, RepositoryError> {
    check_build(previous, build)?;
    let no_team = || RepositoryError::NoTeam { team: team.clone() };
    let newest = previous.newest.as_ref().ok_or_else(no_team)?;
    if let Some(root) = newest.superseded {
        return Err(RepositoryError::Superseded { root: root.get() });
    }
    let delegations = newest.targets.body.delegations.as_ref().ok_or_else(no_team)?;
    delegations.authority(team).ok_or_else(no_team)?;
    let theirs =
        |name: &Name| delegations.of(&target_path(name)).iter().any(|asked| asked.name == *team);
    let before = newest.teams.iter().find(|other| other.name == *team);
    let mut next = before.map_or_else(empty, |before| before.signed.body.clone());
    next.targets.retain(|_, file| {
        describe(file).ok().is_none_or(|was| build.gateways.contains_key(&was.gateway))
    });
    let own: Vec<&Name> = build.gateways.keys().filter(|name| theirs(name)).collect();
    if own.is_empty() {
        return Err(RepositoryError::NothingOf { team: team.clone() });
    }
    let files = add_bundles(&mut next, own.into_iter(), build, bundles)?;
    let all = teams::effective(&newest.targets.body, &newest.teams);
    let were = all.into_iter().filter(|(name, _)| theirs(name)).collect();
    let changes = compare(&were, &teams::listed(&next));
    let known = newest.snapshot.body.meta.get(&team.meta_name()).map(|meta| meta.version);
    let version = next_version(Role::Targets, known)?;
    let signed = draft(next, version, terms.targets_expire, terms.signed_at)?;
    Ok(ProposedRelease {
        number: newest.targets.version.get(),
        source_commit: build.source_commit.clone(),
        changes,
        elsewhere: BTreeMap::new(),
        metadata: ProposedMetadata::begin(&signed, Some(team.clone()))?,
        bundles: files,
    })
}

/// A release that was proposed and lacks signatures, with every bundle checked as its gateway will:
/// `read` gives the bytes of a file of the repository.
pub fn load_proposed<E: From<RepositoryError>>(
    previous: &Audit,
    metadata: ProposedMetadata,
    mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<ProposedRelease, E> {
    let newest = previous.newest.as_ref();
    let strange = |source| {
        let file = Role::Targets.file_name().to_owned();
        RepositoryError::Proposed(TrustError::Metadata { file, role: Role::Targets, source })
    };
    let number = newest.map_or(0, |newest| newest.targets.version.get());
    let Some(targets) = metadata.targets() else {
        let (changes, bundles, elsewhere) = (Changes::default(), Vec::new(), BTreeMap::new());
        return Ok(ProposedRelease {
            number,
            source_commit: None,
            changes,
            elsewhere,
            metadata,
            bundles,
        });
    };
    let targets = targets.map_err(strange)?;
    let mut commits = BTreeSet::new();
    let mut bundles = Vec::new();
    for (path, file) in &targets.body.targets {
        let Ok(description) = describe(file) else { continue };
        let gateway = description.gateway;
        let altered = || RepositoryError::Altered { gateway: gateway.clone() };
        let digest = file.hashes.digest().ok_or_else(altered)?;
        if *path != target_path(&gateway) {
            return Err(altered().into());
        }
        let path = storage_path(&gateway, Some(digest));
        let missing = || RepositoryError::NoBundle { gateway: gateway.clone() };
        let content = read(&path)?.ok_or_else(missing)?;
        if Digest::of(&content) != digest || content.len() as u64 != file.length {
            return Err(altered().into());
        }
        check_bundle(&gateway, &description.mesh, &content)?;
        commits.insert(description.source_commit);
        bundles.push(NewFile { path, content });
    }
    let source_commit = commits.pop_first().flatten().filter(|_| commits.is_empty());
    let (number, changes, elsewhere) = match metadata.team() {
        None => {
            let body = &targets.body;
            let teams = newest.map(|newest| teams::still(&newest.teams, body)).unwrap_or_default();
            let (changes, elsewhere) =
                (changes(newest, &teams::effective(body, &teams)), gateways_of_teams(&teams, body));
            (targets.version.get(), changes, elsewhere)
        }
        Some(team) => {
            let before = newest.and_then(|newest| newest.teams.iter().find(|t| t.name == *team));
            let before = before.map(|team| teams::listed(&team.signed.body)).unwrap_or_default();
            (number, compare(&before, &teams::listed(&targets.body)), BTreeMap::new())
        }
    };
    Ok(ProposedRelease { number, source_commit, changes, elsewhere, metadata, bundles })
}

/// The teams to which a proposal delegates something else than the newest of `previous`: all of them
/// where it is not one of them that differs, but their order.
#[must_use]
pub fn changed_delegations(previous: &Audit, proposal: &ProposedRelease) -> BTreeSet<String> {
    let Some(Ok(targets)) = proposal.metadata.targets() else { return BTreeSet::new() };
    let before = match proposal.metadata.team() {
        None => previous.newest.as_ref().map(|newest| &newest.targets.body),
        Some(team) => {
            let teams = previous.newest.iter().flat_map(|newest| &newest.teams);
            teams.filter(|other| other.name == *team).map(|other| &other.signed.body).next()
        }
    };
    let (before, after) = (before.and_then(delegations), delegations(&targets.body));
    if before == after {
        return BTreeSet::new();
    }
    let (before, after) = (before.map(delegated), after.map(delegated));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let names = || before.keys().chain(after.keys()).cloned();
    let differ: BTreeSet<_> = names().filter(|name| before.get(name) != after.get(name)).collect();
    if differ.is_empty() { names().collect() } else { differ }
}

/// The delegations to somebody, if there are any.
fn delegations(targets: &Targets) -> Option<&Delegations> {
    let to = targets.delegations.as_ref()?;
    let to_nobody = to.roles.iter().flatten().next().is_none() && to.succinct_roles.is_none();
    (!to_nobody).then_some(to)
}

/// What is delegated to each team, and to which keys: an id may mean another key than before.
fn delegated(to: &Delegations) -> BTreeMap<String, (DelegatedTo<'_>, Vec<Option<&PublicKey>>)> {
    let mut all = BTreeMap::new();
    for role in to.roles.iter().flatten() {
        let keys = role.keyids.iter().map(|id| to.keys.get(id)).collect();
        all.insert(role.name.to_string(), (DelegatedTo::One(role), keys));
    }
    if let Some(roles) = &to.succinct_roles {
        let keys = roles.keyids.iter().map(|id| to.keys.get(id)).collect();
        all.insert(format!("{}-*", roles.name_prefix), (DelegatedTo::Many(roles), keys));
    }
    all
}

/// Who is delegated to: one role, or many at once.
#[derive(PartialEq)]
enum DelegatedTo<'a> {
    One(&'a DelegatedRole),
    Many(&'a SuccinctRoles),
}

/// Which team answers for which gateway.
fn gateways_of_teams(teams: &[Team], targets: &Targets) -> BTreeMap<Name, RoleName> {
    let gateways = teams.iter().flat_map(|team| teams::listed(&team.signed.body).into_keys());
    let others = gateways.filter(|name| !targets.targets.contains_key(&target_path(name)));
    others
        .filter_map(|name| {
            let team = teams::answer(teams, targets, &name)?.0.clone();
            Some((name, team))
        })
        .collect()
}

fn empty() -> Targets {
    Targets { targets: BTreeMap::new(), delegations: None, other: Map::new() }
}

/// Refuses a build that cannot be a release of this repository.
fn check_build(previous: &Audit, build: &Build) -> Result<(), RepositoryError> {
    if build.format != Build::FORMAT {
        return Err(RepositoryError::Format { found: build.format, known: Build::FORMAT });
    }
    if build.gateways.is_empty() {
        return Err(RepositoryError::Empty);
    }
    match previous.mesh() {
        Some(wanted) if *wanted != build.mesh => {
            Err(RepositoryError::Mesh { wanted: wanted.clone(), found: build.mesh.clone() })
        }
        _ => Ok(()),
    }
}

/// Checks the bundles of `gateways`, and writes into `next` what they are; their files.
fn add_bundles<'a>(
    next: &mut Targets,
    gateways: impl Iterator<Item = &'a Name>,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
) -> Result<Vec<NewFile>, RepositoryError> {
    let mut files = Vec::new();
    for gateway in gateways {
        let (bytes, format) = checked(build, gateway, bundles)?;
        let digest = Digest::of(bytes);
        let description = Description {
            gateway: gateway.clone(),
            mesh: build.mesh.clone(),
            format,
            source_commit: build.source_commit.clone(),
            tieline: build.tieline.clone(),
            other: Map::new(),
        };
        let file = TargetFile {
            length: bytes.len() as u64,
            hashes: Hashes::sha256(digest),
            custom: Some(serde_json::to_value(description).map_err(|_| SignerError::Encode)?),
            other: Map::new(),
        };
        next.targets.insert(target_path(gateway), file);
        let path = storage_path(gateway, Some(digest));
        files.push(NewFile { path, content: bytes.clone() });
    }
    Ok(files)
}

/// How `after` differs from what a client finds in the newest release.
fn changes(newest: Option<&Newest>, after: &BTreeMap<Name, TargetFile>) -> Changes {
    let before = newest.map(|newest| teams::effective(&newest.targets.body, &newest.teams));
    compare(&before.unwrap_or_default(), after)
}

/// Bundles are the same where their hashes are.
fn compare(before: &BTreeMap<Name, TargetFile>, after: &BTreeMap<Name, TargetFile>) -> Changes {
    let hashes = |files: &BTreeMap<Name, TargetFile>| -> BTreeMap<Name, Hashes> {
        files.iter().map(|(gateway, file)| (gateway.clone(), file.hashes.clone())).collect()
    };
    Changes::between(&hashes(before), &hashes(after))
}

/// The bytes of a gateway's bundle, if they are the ones that were built, and a bundle for it; and
/// the lowest format that a reader must know.
fn checked<'a>(
    build: &Build,
    gateway: &Name,
    bundles: &'a BTreeMap<Name, Vec<u8>>,
) -> Result<(&'a Vec<u8>, u32), RepositoryError> {
    let missing = || RepositoryError::NoBundle { gateway: gateway.clone() };
    let bytes = bundles.get(gateway).ok_or_else(missing)?;
    let listed = build.gateways.get(gateway).ok_or_else(missing)?;
    if listed.length != bytes.len() as u64 || listed.sha256 != Digest::of(bytes) {
        return Err(RepositoryError::Altered { gateway: gateway.clone() });
    }
    let format = check_bundle(gateway, &build.mesh, bytes)?;
    Ok((bytes, format))
}

/// Refuses a bundle that `gateway` of `mesh` would not take; its format.
fn check_bundle(gateway: &Name, mesh: &Name, bytes: &[u8]) -> Result<u32, RepositoryError> {
    let (manifest, _) = bundle::unpack(bytes)
        .map_err(|source| RepositoryError::Bundle { gateway: gateway.clone(), source })?;
    if manifest.gateway != *gateway || manifest.mesh != *mesh {
        return Err(RepositoryError::WrongGateway {
            gateway: gateway.clone(),
            found: manifest.gateway,
            mesh: manifest.mesh,
        });
    }
    Ok(manifest.format)
}
