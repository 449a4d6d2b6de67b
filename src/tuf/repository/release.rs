//! A new release.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde_json::Map;

use super::audit::Newest;
use super::signing::{draft, next_version, sign};
use super::{Audit, NewFile, RepositoryError};
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
    check_build(previous, build)?;
    let root = &previous.root.body;
    let newest = previous.newest.as_ref();
    let mut files = Vec::new();

    let (targets, changes) = next_targets(newest, build, bundles, &mut files)?;
    let before = newest.map(|newest| newest.release.targets().version);
    let version = next_version(Role::Targets, before)?;
    let targets = draft(targets, version, terms.targets_expire, terms.signed_at)?;
    let content = sign(&targets, root, signers)?;
    let targets_meta = described(version, &content);
    files.push(NewFile { path: Role::Targets.path(Some(version.get())), content });
    let number = version.get();

    let body = next_snapshot(newest, targets_meta);
    let version = next_version(Role::Snapshot, newest.map(|newest| newest.snapshot.version))?;
    let snapshot = draft(body, version, terms.snapshot_expires, terms.signed_at)?;
    let content = sign(&snapshot, root, signers)?;
    let snapshot_meta = described(version, &content);
    files.push(NewFile { path: Role::Snapshot.path(Some(version.get())), content });

    let body = next_timestamp(newest, snapshot_meta);
    let version = next_version(Role::Timestamp, newest.map(|newest| newest.timestamp.version))?;
    let timestamp = draft(body, version, terms.timestamp_expires, terms.signed_at)?;
    let content = sign(&timestamp, root, signers)?;
    files.push(NewFile { path: Role::Timestamp.path(None), content });

    accept_as_a_gateway(previous, terms, &files, bundles)?;
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
    let mut next = newest.map_or_else(empty, |newest| newest.release.targets().body.clone());
    let before = next.targets.clone();
    let mut changes = Changes::default();
    // Targets that are no bundles of ours stay, like everything else we do not know.
    next.targets.retain(|_, file| match describe(file) {
        Ok(was) if !build.gateways.contains_key(&was.gateway) => {
            changes.removed.push(was.gateway);
            false
        }
        _ => true,
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
        match before.get(&path) {
            None => changes.added.push(gateway.clone()),
            Some(old) if old.hashes == file.hashes => changes.unchanged.push(gateway.clone()),
            Some(_) => changes.changed.push(gateway.clone()),
        }
        next.targets.insert(path, file);
        let path = storage_path(gateway, Some(digest));
        files.push(NewFile { path, content: bytes.clone() });
    }
    Ok((next, changes))
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
    let (manifest, _) = bundle::unpack(bytes)
        .map_err(|source| RepositoryError::Bundle { gateway: gateway.clone(), source })?;
    if manifest.gateway != *gateway || manifest.mesh != build.mesh {
        return Err(RepositoryError::WrongGateway {
            gateway: gateway.clone(),
            found: manifest.gateway,
            mesh: manifest.mesh,
        });
    }
    Ok(bytes)
}

/// The snapshot of the new targets, and of all other metadata that it had before.
fn next_snapshot(newest: Option<&Newest>, targets: MetaFile) -> Snapshot {
    let empty = || Snapshot { meta: BTreeMap::new(), other: Map::new() };
    let mut next = newest.map_or_else(empty, |newest| newest.snapshot.body.clone());
    next.meta.insert(Role::Targets.file_name().to_owned(), targets);
    next
}

fn next_timestamp(newest: Option<&Newest>, snapshot: MetaFile) -> Timestamp {
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

fn described(version: NonZeroU64, content: &[u8]) -> MetaFile {
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
    terms: &ReleaseTerms,
    files: &[NewFile],
    bundles: &BTreeMap<Name, Vec<u8>>,
) -> Result<(), RepositoryError> {
    let accept = || -> Result<(), TrustError> {
        let judge = Judge::At(terms.signed_at);
        let mut update = Update::begin(previous.stored.clone(), judge, Limits::GATEWAY)?;
        for gateway in bundles.keys() {
            update.seek_bundle(gateway)?;
        }
        while let Some(request) = update.next() {
            let file = files.iter().find(|file| file.path == request.path);
            update.supply(file.map(|file| file.content.clone()))?;
        }
        let release = update.finish()?;
        for (gateway, bytes) in bundles {
            release.target(gateway)?.accept(bytes.clone())?;
        }
        Ok(())
    };
    accept().map_err(RepositoryError::Refused)
}
