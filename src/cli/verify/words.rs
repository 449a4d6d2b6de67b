//! An examination as a report.

use super::Problem;
use super::rebuild::{Comparison, Outcome};
use crate::cli::Failure;
use crate::report::{BundleEntry, SignedEntry, VerifyReport};
use crate::tuf::repository::{
    Audit, BundleSight, Examination, KeyView, MetadataSight, RepositoryError, RootSight,
};
use crate::tuf::{Role, UtcTime};

/// Why an audit stopped.
pub(super) enum Stop {
    /// A file could not be read.
    Read(Failure),
    /// What was read is not to be trusted.
    Refused(RepositoryError),
}

impl From<RepositoryError> for Stop {
    fn from(error: RepositoryError) -> Self {
        Self::Refused(error)
    }
}

pub(super) fn report(
    audit: &Audit,
    seen: &Examination,
    rebuilt: &Comparison,
    problems: &[Problem],
) -> VerifyReport {
    let roots = seen.roots.iter().map(root);
    let others = seen.metadata.iter().map(metadata);
    let bundles = seen.bundles.iter().map(|(gateway, sight)| {
        let outcome = rebuilt.gateways.get(gateway);
        let BundleSight { length, digest, by, source_commit, .. } = sight;
        BundleEntry {
            gateway: gateway.clone(),
            sha256: digest.to_string(),
            length: *length,
            by: by.clone(),
            source_commit: source_commit.clone(),
            reproduced: outcome.map(|outcome| *outcome == Outcome::Same),
        }
    });
    VerifyReport {
        format: VerifyReport::FORMAT,
        sound: problems.is_empty(),
        mesh: audit.mesh().cloned(),
        release: audit.release(),
        root_given: false,
        root_sha256: String::new(),
        metadata: roots.chain(others).collect(),
        bundles: bundles.collect(),
        rebuilt: rebuilt.commits.iter().cloned().collect(),
        problems: problems.iter().map(|problem| problem.text.clone()).collect(),
    }
}

fn root(sight: &RootSight) -> SignedEntry {
    let holders = sight.view.roles.iter().find(|holders| holders.role == Role::Root);
    SignedEntry {
        role: Role::Root.to_string(),
        version: sight.view.version,
        signed_at: None,
        expires: sight.view.expires.to_string(),
        threshold: holders.map_or(0, |holders| holders.threshold),
        signed_by: names(&sight.signed),
    }
}

fn metadata(sight: &MetadataSight) -> SignedEntry {
    SignedEntry {
        role: sight.role.clone(),
        version: sight.version,
        signed_at: sight.signed_at.as_ref().map(UtcTime::to_string),
        expires: sight.expires.to_string(),
        threshold: sight.threshold,
        signed_by: names(&sight.signed),
    }
}

fn names(keys: &[KeyView]) -> Vec<String> {
    keys.iter().map(KeyView::to_string).collect()
}
