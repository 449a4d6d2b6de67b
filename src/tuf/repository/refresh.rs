//! The same release, fresh for longer.

use std::collections::BTreeMap;

use super::signing::{draft, next_version};
use super::{Audit, Changes, ProposedMetadata, ProposedRelease, ReleaseTerms, RepositoryError};
use crate::tuf::Role;

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
