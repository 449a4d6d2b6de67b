//! What goes out is what a gateway will accept: verified here as it will be verified there.

use std::collections::BTreeMap;

use camino::Utf8Path;
use time::OffsetDateTime;

use super::PublishError;
use super::release::{Bundle, Release};
use crate::host::{FileError, Files};
use crate::primitives::Name;
use crate::tuf::repository::{is_next_root, keeps_versions};
use crate::tuf::{Limits, Request, Stored, TrustError, Update};

/// Runs the client workflow over the repository from `root` on, and for every gateway what comes after it. What
/// comes back are the bundles that gateways will find: one of which somebody speaks who may not is
/// no bundle.
pub(super) fn verify(
    files: &dyn Files,
    now: OffsetDateTime,
    root: &[u8],
    release: &Release,
) -> Result<BTreeMap<Name, Bundle>, PublishError> {
    let repository = &release.repository;
    let root = Stored::provisioned(root.to_vec());
    let mut update = Update::start(root, now)?;
    for gateway in release.bundles.keys() {
        update.seek_bundle(gateway)?;
    }
    while let Some(request) = update.next() {
        update.supply(read(files, repository, &request)?)?;
    }
    let verified = update.finish()?;
    if verified.number() != release.number {
        let what = "it does not lead to the newest targets metadata".to_owned();
        let path = repository.join("metadata/timestamp.json");
        return Err(PublishError::Metadata { path, what });
    }
    let mut bundles = BTreeMap::new();
    for gateway in release.bundles.keys() {
        let target = match verified.target(gateway) {
            Err(TrustError::NoBundle { .. }) => continue,
            target => target?,
        };
        let request = target.request();
        let missing = || TrustError::Missing { file: request.path.clone() };
        let bytes = read(files, repository, &request)?.ok_or_else(missing)?;
        target.accept(bytes)?.unpack()?;
        let bundle = Bundle { path: request.path, sha256: target.digest() };
        bundles.insert(gateway.clone(), bundle);
    }
    Ok(bundles)
}

/// Whether gateways that come to know the newest root of `release` hold on to the version numbers of
/// `published`. After keys were stolen and replaced they do not, however high the thief made them.
/// Refuses to take away a root that is out.
pub(super) fn keeps_versions_of(
    files: &dyn Files,
    release: &Release,
    published: &Release,
) -> Result<bool, PublishError> {
    let root = files.read(&release.repository.join(release.last_root()), Limits::GATEWAY.root)?;
    let theirs = |path: &str, limit| files.read(&published.repository.join(path), limit);
    let ours = release.last_root_number();
    match theirs(&format!("metadata/{}.root.json", ours + 1), Limits::GATEWAY.root) {
        Ok(next) if is_next_root(&root, &next)? => {
            return Err(PublishError::Older { role: "root", theirs: ours + 1, ours });
        }
        Err(error) if !error.is_not_found() => return Err(error.into()),
        _ => {}
    }
    let timestamp = theirs("metadata/timestamp.json", Limits::GATEWAY.timestamp)?;
    let snapshot = theirs(&published.snapshot_path(), Limits::GATEWAY.snapshot)?;
    Ok(keeps_versions(&root, &timestamp, &snapshot)?)
}

fn read(
    files: &dyn Files,
    repository: &Utf8Path,
    request: &Request,
) -> Result<Option<Vec<u8>>, PublishError> {
    // One byte more shows that there is more.
    match files.read(&repository.join(&request.path), request.limit.saturating_add(1)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
