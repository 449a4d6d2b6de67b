//! Whether the bundles are what the release says.

use super::Problem;
use super::place::Place;
use crate::bundle;
use crate::cli::{Context, Exit, Failure};
use crate::primitives::{Digest, Name};
use crate::tuf::repository::{Audit, BundleSummary, RepositorySummary};
use crate::tuf::{Limits, Request};

/// Reads each bundle, and says what is wrong with it.
pub(super) fn check(
    audit: &Audit,
    summary: &RepositorySummary,
    repository: &Place,
    context: &Context,
) -> Result<Vec<Problem>, Failure> {
    let mut problems = Vec::new();
    for (gateway, released) in &summary.bundles {
        let limit = Limits::GATEWAY.bundle;
        let bytes = repository.read(&Request { path: released.path.clone(), limit }, context)?;
        let wrong = bytes.map_or_else(
            || Some(format!("{} is missing", released.path)),
            |bytes| wrong(gateway, audit.mesh(), released, &bytes),
        );
        if let Some(wrong) = wrong {
            problems
                .push(Problem::new(Exit::BadBundle, format!("the bundle of {gateway}: {wrong}")));
        }
    }
    Ok(problems)
}

fn wrong(
    gateway: &Name,
    mesh: Option<&Name>,
    released: &BundleSummary,
    bytes: &[u8],
) -> Option<String> {
    if bytes.len() as u64 != released.length || Digest::of(bytes) != released.digest {
        return Some(format!("{} is not what was signed", released.path));
    }
    match bundle::unpack(bytes) {
        Err(error) => Some(crate::primitives::error_chain(&error)),
        Ok((manifest, _)) if manifest.gateway != *gateway => {
            Some(format!("it was made for {}", manifest.gateway))
        }
        Ok((manifest, _)) if mesh.is_some_and(|mesh| *mesh != manifest.mesh) => {
            Some(format!("it was made for mesh {}", manifest.mesh))
        }
        Ok(_) => None,
    }
}
