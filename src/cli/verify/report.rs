//! An audited repository as a report.

use super::Problem;
use super::rebuild::{Comparison, Outcome};
use crate::report::{BundleEntry, SignedEntry, VerifyReport};
use crate::tuf::repository::{
    Audit, BundleSummary, KeySummary, MetadataSummary, RepositorySummary, SignedRoot,
};
use crate::tuf::{Role, UtcTime};

pub(super) fn verify_report(
    audit: &Audit,
    summary: &RepositorySummary,
    rebuilt: &Comparison,
    problems: &[Problem],
) -> VerifyReport {
    let roots = summary.roots.iter().map(root);
    let others = summary.metadata.iter().map(metadata);
    let bundles = summary.bundles.iter().map(|(gateway, released)| {
        let outcome = rebuilt.gateways.get(gateway);
        let BundleSummary { length, digest, by, source_commit, .. } = released;
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

fn root(root: &SignedRoot) -> SignedEntry {
    let holders = root.summary.roles.iter().find(|holders| holders.role == Role::Root);
    SignedEntry {
        role: Role::Root.to_string(),
        version: root.summary.version,
        signed_at: None,
        expires: root.summary.expires.to_string(),
        threshold: holders.map_or(0, |holders| holders.threshold),
        signed_by: names(&root.signed),
    }
}

fn metadata(file: &MetadataSummary) -> SignedEntry {
    SignedEntry {
        role: file.role.clone(),
        version: file.version,
        signed_at: file.signed_at.as_ref().map(UtcTime::to_string),
        expires: file.expires.to_string(),
        threshold: file.threshold,
        signed_by: names(&file.signed),
    }
}

fn names(keys: &[KeySummary]) -> Vec<String> {
    keys.iter().map(KeySummary::to_string).collect()
}
