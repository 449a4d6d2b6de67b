//! A new release.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde_json::Map;

use super::audit::Newest;
use super::signing::{draft, next_version};
use super::{Audit, NewFile, ProposedMetadata, RepositoryError, propose, teams};
use crate::bundle::Build;
use crate::primitives::{Digest, Name};
use crate::tuf::client::{ExpiryCheck, Update};
use crate::tuf::metadata::{MetaFile, Snapshot, Timestamp, TimestampMeta};
use crate::tuf::{Hashes, Limits, Role, RoleName, Signer, TrustError, UtcTime};

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
pub struct ProposedRelease {
    /// Its number.
    pub number: u64,
    /// The commit it was built from, where all bundles come from the same one.
    pub source_commit: Option<String>,
    /// What it does to gateways.
    pub changes: Changes,
    /// Gateways that a team answers for, and so this release does not.
    pub elsewhere: BTreeMap<Name, RoleName>,
    /// Its metadata so far.
    pub metadata: ProposedMetadata,
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
    if let Some(missing) = proposal.metadata.sign(previous, terms, signers)? {
        return Err(missing.into());
    }
    complete(previous, proposal, terms.signed_at)
}

/// A timestamp that says once more what it said, valid for longer: nothing new, and nothing stale.
pub fn refresh(previous: &Audit, terms: &ReleaseTerms) -> Result<ProposedRelease, RepositoryError> {
    let newest = previous.newest.as_ref().ok_or(RepositoryError::NoRelease)?;
    if let Some(root) = newest.superseded {
        return Err(RepositoryError::Superseded { root: root.get() });
    }
    let version = next_version(Role::Timestamp, Some(newest.timestamp.version))?;
    let body = newest.timestamp.body.clone();
    let timestamp = draft(body, version, terms.timestamp_expires, terms.signed_at)?;
    Ok(ProposedRelease {
        number: newest.targets.version.get(),
        source_commit: None,
        changes: Changes::default(),
        elsewhere: BTreeMap::new(),
        metadata: ProposedMetadata::begin(&timestamp, None)?,
        bundles: Vec::new(),
    })
}

/// The files of a release that has all its signatures, if a gateway that has seen all earlier ones
/// accepts it at the time `now`.
pub fn complete(
    previous: &Audit,
    proposal: ProposedRelease,
    now: UtcTime,
) -> Result<NewRelease, RepositoryError> {
    let ProposedRelease { number, changes, metadata, bundles, .. } = proposal;
    let mut files = bundles;
    files.extend(metadata.released_files(previous)?);
    accept_as_a_gateway(previous, now, &files)?;
    Ok(NewRelease { number, files, changes })
}

/// The snapshot with `file` as it is now, and all other metadata as they were.
pub(super) fn next_snapshot(newest: Option<&Newest>, file: String, meta: MetaFile) -> Snapshot {
    let empty = || Snapshot { meta: BTreeMap::new(), other: Map::new() };
    let mut next = newest.map_or_else(empty, |newest| newest.snapshot.body.clone());
    next.meta.insert(file, meta);
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

/// Takes the new release as each gateway will that has seen all earlier ones. It also finds what is
/// not of this release's making: a root that has expired, a limit that is passed.
fn accept_as_a_gateway(
    previous: &Audit,
    now: UtcTime,
    files: &[NewFile],
) -> Result<(), RepositoryError> {
    let teams = previous.newest.iter().flat_map(|newest| &newest.teams);
    let teams: BTreeMap<&str, &Vec<u8>> =
        teams.map(|team| (team.path.as_str(), &team.content)).collect();
    let known = |path: &str| {
        let file = files.iter().find(|file| file.path == path).map(|file| &file.content);
        file.or_else(|| previous.roots.get(path)).or_else(|| teams.get(path).copied()).cloned()
    };
    let accept = || -> Result<(), TrustError> {
        let mut update =
            Update::begin(previous.stored.clone(), ExpiryCheck::At(now), Limits::GATEWAY)?;
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
        // Every bundle that comes with it, and every one that a team answers for.
        let mut gateways: BTreeSet<Name> = files.iter().filter_map(NewFile::gateway).collect();
        let teams = previous.newest.iter().flat_map(|newest| &newest.teams);
        gateways.extend(teams.flat_map(|team| teams::listed(&team.signed.body).into_keys()));
        for gateway in &gateways {
            update.seek_bundle(gateway)?;
            while let Some(request) = update.next() {
                update.supply(known(&request.path))?;
            }
        }
        let release = update.finish()?;
        for gateway in files.iter().filter_map(NewFile::gateway) {
            let target = release.target(&gateway)?;
            // Those above may still say something else of what a team has signed.
            if let Some(bytes) = known(&target.request().path) {
                target.accept(bytes)?;
            }
        }
        Ok(())
    };
    accept().map_err(RepositoryError::Refused)
}
