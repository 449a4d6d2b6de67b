//! Whether the bundles are what the release says.

use super::Problem;
use super::place::Place;
use crate::bundle;
use crate::cli::{Context, Exit, Failure};
use crate::primitives::{Digest, Name};
use crate::tuf::repository::{Audit, BundleSight, Examination};
use crate::tuf::{Limits, Request};

/// Reads each bundle, and says what is wrong with it.
pub(super) fn check(
    audit: &Audit,
    seen: &Examination,
    repository: &Place,
    context: &Context,
) -> Result<Vec<Problem>, Failure> {
    let mut problems = Vec::new();
    for (gateway, sight) in &seen.bundles {
        let limit = Limits::GATEWAY.bundle;
        let bytes = repository.read(&Request { path: sight.path.clone(), limit }, context)?;
        let wrong = bytes.map_or_else(
            || Some(format!("{} is missing", sight.path)),
            |bytes| wrong(gateway, audit.mesh(), sight, &bytes),
        );
        if let Some(wrong) = wrong {
            problems
                .push(Problem::new(Exit::BadBundle, format!("the bundle of {gateway}: {wrong}")));
        }
    }
    Ok(problems)
}

fn wrong(gateway: &Name, mesh: Option<&Name>, sight: &BundleSight, bytes: &[u8]) -> Option<String> {
    if bytes.len() as u64 != sight.length || Digest::of(bytes) != sight.digest {
        return Some(format!("{} is not what was signed", sight.path));
    }
    match bundle::unpack(bytes) {
        Err(error) => Some(crate::primitives::sentence(&error)),
        Ok((manifest, _)) if manifest.gateway != *gateway => {
            Some(format!("it was made for {}", manifest.gateway))
        }
        Ok((manifest, _)) if mesh.is_some_and(|mesh| *mesh != manifest.mesh) => {
            Some(format!("it was made for mesh {}", manifest.mesh))
        }
        Ok(_) => None,
    }
}
