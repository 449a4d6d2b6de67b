//! A new release.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde_json::Map;

use super::audit::Newest;
use super::signing::{draft, next_version};
use super::{Audit, Held, NewFile, RepositoryError};
use crate::bundle::{self, Build};
use crate::primitives::{Digest, Name};
use crate::tuf::client::{Description, Judge, Update, describe, storage_path, target_path};
use crate::tuf::metadata::{MetaFile, Snapshot, TargetFile, Targets, Timestamp, TimestampMeta};
use crate::tuf::{Hashes, Limits, Role, Signer, SignerError, TrustError, UtcTime};

/// When a release is signed, and for how long its metadata are valid.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseTerms {
    /// When it is signed.
    pub signed_at: UtcTime,
    /// When its targets metadata expire.
    pub targets_expire: UtcTime,
    /// When its snapshot metadata expire.
    pub snapshot_expires: UtcTime,
    /// When its timestamp metadata expire.
    pub timestamp_expires: UtcTime,
}

/// A release to be written into its repository.
#[derive(Debug)]
pub struct NewRelease {
    /// Its number.
    pub number: u64,
    /// Its files, in the order in which they must be written.
    pub files: Vec<NewFile>,
    /// What it does to gateways.
    pub changes: Changes,
}

/// What a release is to gateways, compared with the one before.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Gateways that had no bundle.
    pub added: Vec<Name>,
    /// Gateways whose bundle is another one.
    pub changed: Vec<Name>,
    /// Gateways whose bundle is the same, byte for byte: they will do nothing.
    pub unchanged: Vec<Name>,
    /// Gateways that have no bundle any more.
    pub removed: Vec<Name>,
}

/// A release that nobody has signed yet, or not enough.
#[derive(Debug)]
pub struct Proposal {
    /// Its number.
    pub number: u64,
    /// The commit it was built from, where all bundles come from the same one.
    pub source_commit: Option<String>,
    /// What it does to gateways.
    pub changes: Changes,
    /// Its metadata so far.
    pub held: Held,
    /// Its bundles: where they lie in the repository, and their bytes.
    pub bundles: Vec<NewFile>,
}

/// Makes the release that follows the newest of `previous`: the bundles of `build`, whose bytes
/// are `bundles`. Every byte is checked against the build, and every bundle as its gateway will.
///
/// The same arguments give the same bytes.
pub fn release(
    previous: &Audit,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    terms: &ReleaseTerms,
    signers: &[&dyn Signer],
) -> Result<NewRelease, RepositoryError> {
    let mut proposal = propose(previous, build, bundles, terms)?;
    if let Some(missing) = proposal.held.sign(previous, terms, signers)? {
        return Err(missing.into());
    }
    complete(previous, proposal, terms.signed_at)
}

/// The same without any signature.
pub fn propose(
    previous: &Audit,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    terms: &ReleaseTerms,
) -> Result<Proposal, RepositoryError> {
    check_build(previous, build)?;
    let newest = previous.newest.as_ref();
    let mut files = Vec::new();
    let (targets, changes) = next_targets(newest, build, bundles, &mut files)?;
    let version = next_version(Role::Targets, newest.map(|newest| newest.targets.version))?;
    let targets = draft(targets, version, terms.targets_expire, terms.signed_at)?;
    Ok(Proposal {
        number: version.get(),
        source_commit: build.source_commit.clone(),
        changes,
        held: Held::begin(&targets)?,
        bundles: files,
    })
}

/// A release as it is held for more signatures, with every bundle checked as its gateway will:
/// `read` gives the bytes of a file of the repository.
pub fn proposed<E: From<RepositoryError>>(
    previous: &Audit,
    held: Held,
    mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<Proposal, E> {
    let newest = previous.newest.as_ref();
    let strange = |source| {
        let file = Role::Targets.file_name().to_owned();
        RepositoryError::Held(TrustError::Metadata { file, role: Role::Targets, source })
    };
    let Some(targets) = held.targets() else {
        let number = newest.map_or(0, |newest| newest.targets.version.get());
        let changes = Changes::default();
        return Ok(Proposal { number, source_commit: None, changes, held, bundles: Vec::new() });
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
    let changes = changes(newest, &targets.body);
    let source_commit = commits.pop_first().flatten().filter(|_| commits.is_empty());
    Ok(Proposal { number: targets.version.get(), source_commit, changes, held, bundles })
}

/// A timestamp that says once more what it said, valid for longer: nothing new, and nothing stale.
pub fn refresh(previous: &Audit, terms: &ReleaseTerms) -> Result<Proposal, RepositoryError> {
    let newest = previous.newest.as_ref().ok_or(RepositoryError::NoRelease)?;
    if let Some(root) = newest.superseded {
        return Err(RepositoryError::Superseded { root: root.get() });
    }
    let version = next_version(Role::Timestamp, Some(newest.timestamp.version))?;
    let body = newest.timestamp.body.clone();
    let timestamp = draft(body, version, terms.timestamp_expires, terms.signed_at)?;
    Ok(Proposal {
        number: newest.targets.version.get(),
        source_commit: None,
        changes: Changes::default(),
        held: Held::begin(&timestamp)?,
        bundles: Vec::new(),
    })
}

/// The files of a release that has all its signatures, if a gateway that has seen all earlier ones
/// accepts it at the time `now`.
pub fn complete(
    previous: &Audit,
    proposal: Proposal,
    now: UtcTime,
) -> Result<NewRelease, RepositoryError> {
    let Proposal { number, changes, held, bundles, .. } = proposal;
    let mut files = bundles;
    files.extend(held.released()?);
    accept_as_a_gateway(previous, now, &files)?;
    Ok(NewRelease { number, files, changes })
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

/// Checks the bundles and puts them among `files`; what targets metadata say of them, and how
/// that differs from before.
fn next_targets(
    newest: Option<&Newest>,
    build: &Build,
    bundles: &BTreeMap<Name, Vec<u8>>,
    files: &mut Vec<NewFile>,
) -> Result<(Targets, Changes), RepositoryError> {
    let empty = || Targets { targets: BTreeMap::new(), delegations: None, other: Map::new() };
    let mut next = newest.map_or_else(empty, |newest| newest.targets.body.clone());
    // Targets that are no bundles of ours stay, like everything else we do not know.
    next.targets.retain(|_, file| {
        describe(file).map_or(true, |was| build.gateways.contains_key(&was.gateway))
    });
    for gateway in build.gateways.keys() {
        let bytes = checked(build, gateway, bundles)?;
        let digest = Digest::of(bytes);
        let description = Description {
            gateway: gateway.clone(),
            mesh: build.mesh.clone(),
            format: bundle::Manifest::FORMAT,
            source_commit: build.source_commit.clone(),
            other: Map::new(),
        };
        let file = TargetFile {
            length: bytes.len() as u64,
            hashes: Hashes::sha256(digest),
            custom: Some(serde_json::to_value(description).map_err(|_| SignerError::Encode)?),
            other: Map::new(),
        };
        let path = target_path(gateway);
        next.targets.insert(path, file);
        let path = storage_path(gateway, Some(digest));
        files.push(NewFile { path, content: bytes.clone() });
    }
    let changes = changes(newest, &next);
    Ok((next, changes))
}

/// How the bundles of `next` differ from those of the newest release.
fn changes(newest: Option<&Newest>, next: &Targets) -> Changes {
    let bundles = |targets: &Targets| -> BTreeMap<Name, Hashes> {
        let bundle = |file: &TargetFile| Some((describe(file).ok()?.gateway, file.hashes.clone()));
        targets.targets.values().filter_map(bundle).collect()
    };
    let before = newest.map(|newest| bundles(&newest.targets.body)).unwrap_or_default();
    let after = bundles(next);
    let mut changes = Changes::default();
    for (gateway, hashes) in &after {
        match before.get(gateway) {
            None => changes.added.push(gateway.clone()),
            Some(old) if old == hashes => changes.unchanged.push(gateway.clone()),
            Some(_) => changes.changed.push(gateway.clone()),
        }
    }
    changes.removed.extend(before.into_keys().filter(|gateway| !after.contains_key(gateway)));
    changes
}

/// The bytes of a gateway's bundle, if they are the ones that were built, and a bundle for it.
fn checked<'a>(
    build: &Build,
    gateway: &Name,
    bundles: &'a BTreeMap<Name, Vec<u8>>,
) -> Result<&'a Vec<u8>, RepositoryError> {
    let missing = || RepositoryError::NoBundle { gateway: gateway.clone() };
    let bytes = bundles.get(gateway).ok_or_else(missing)?;
    let listed = build.gateways.get(gateway).ok_or_else(missing)?;
    if listed.length != bytes.len() as u64 || listed.sha256 != Digest::of(bytes) {
        return Err(RepositoryError::Altered { gateway: gateway.clone() });
    }
    check_bundle(gateway, &build.mesh, bytes)?;
    Ok(bytes)
}

/// Refuses a bundle that `gateway` of `mesh` would not take.
fn check_bundle(gateway: &Name, mesh: &Name, bytes: &[u8]) -> Result<(), RepositoryError> {
    let (manifest, _) = bundle::unpack(bytes)
        .map_err(|source| RepositoryError::Bundle { gateway: gateway.clone(), source })?;
    if manifest.gateway != *gateway || manifest.mesh != *mesh {
        return Err(RepositoryError::WrongGateway {
            gateway: gateway.clone(),
            found: manifest.gateway,
            mesh: manifest.mesh,
        });
    }
    Ok(())
}

/// The snapshot of the new targets, and of all other metadata that it had before.
pub(super) fn next_snapshot(newest: Option<&Newest>, targets: MetaFile) -> Snapshot {
    let empty = || Snapshot { meta: BTreeMap::new(), other: Map::new() };
    let mut next = newest.map_or_else(empty, |newest| newest.snapshot.body.clone());
    next.meta.insert(Role::Targets.file_name().to_owned(), targets);
    next
}

pub(super) fn next_timestamp(newest: Option<&Newest>, snapshot: MetaFile) -> Timestamp {
    match newest {
        Some(newest) => {
            let mut next = newest.timestamp.body.clone();
            next.meta.snapshot = snapshot;
            next
        }
        None => {
            Timestamp { meta: TimestampMeta { snapshot, other: Map::new() }, other: Map::new() }
        }
    }
}

pub(super) fn described(version: NonZeroU64, content: &[u8]) -> MetaFile {
    MetaFile {
        version,
        length: Some(content.len() as u64),
        hashes: Some(Hashes::sha256(Digest::of(content))),
        other: Map::new(),
    }
}

/// Takes the new release as a gateway that has seen all earlier ones will. It also finds what is
/// not of this release's making: a root that has expired, a limit that is passed.
fn accept_as_a_gateway(
    previous: &Audit,
    now: UtcTime,
    files: &[NewFile],
) -> Result<(), RepositoryError> {
    let known = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| &file.content).or_else(|| previous.roots.get(path)).cloned()
    };
    let accept = || -> Result<(), TrustError> {
        let mut update = Update::begin(previous.stored.clone(), Judge::At(now), Limits::GATEWAY)?;
        while let Some(request) = update.next() {
            update.supply(known(&request.path))?;
        }
        // Another timestamp of the same version is discarded, and with it the release.
        let path = Role::Timestamp.path(None);
        if update.stored().timestamp != known(&path) {
            let version = update.timestamp().map_or(0, |timestamp| timestamp.version.get());
            let what = Role::Timestamp.as_str().to_owned();
            let (found, trusted) = (version, version);
            return Err(TrustError::Rollback { file: path, what, found, trusted });
        }
        let release = update.finish()?;
        let bundles =
            release.targets().body.targets.values().filter_map(|file| describe(file).ok());
        for Description { gateway, .. } in bundles {
            let target = release.target(&gateway)?;
            // A renewed timestamp brings no bundles along.
            if let Some(bytes) = known(&target.request().path) {
                target.accept(bytes)?;
            }
        }
        Ok(())
    };
    accept().map_err(RepositoryError::Refused)
}
