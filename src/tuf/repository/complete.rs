//! From a build, or a proposed release, to the files of a release that gateways accept.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Audit, NewFile, NewRelease, ProposedRelease, ReleaseTerms, RepositoryError, propose, teams,
};
use crate::bundle::Build;
use crate::primitives::Name;
use crate::tuf::client::{ExpiryCheck, Update};
use crate::tuf::{Limits, Role, Signer, TrustError, UtcTime};

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
