//! Whether the bundles are what their commit gives.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;

use super::Problem;
use crate::cli::mesh_file::load_commit;
use crate::cli::{Context, Exit, Failure};
use crate::compile::compile;
use crate::primitives::{Digest, Name};
use crate::tuf::repository::{BundleSummary, RepositorySummary};

/// What building again came to.
#[derive(Default)]
pub(super) struct Comparison {
    /// The commits that were built.
    pub(super) commits: BTreeSet<String>,
    /// The gateways that were compared, and what was found.
    pub(super) gateways: BTreeMap<Name, Outcome>,
}

/// What building one bundle again came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The same bytes.
    Same,
    /// Other bytes.
    Other,
    /// The commit has no such gateway.
    Unknown,
    /// The release says no commit.
    NoCommit,
}

/// Builds every commit that the release names, and compares.
pub(super) fn compare(
    summary: &RepositorySummary,
    mesh: &Utf8Path,
    context: &mut Context,
) -> Result<Comparison, Failure> {
    let commits = summary.bundles.values().filter_map(|bundle| bundle.source_commit.clone());
    let mut comparison = Comparison { commits: commits.collect(), ..Comparison::default() };
    if comparison.commits.is_empty() && !summary.bundles.is_empty() {
        let text = "the release does not say which commit it was built from";
        return Err(Failure::say(Exit::Failure, text)
            .hint("`tieline build` notes the commit where mesh.yaml and mesh.lock are committed"));
    }
    let mut built: BTreeMap<&str, BTreeMap<Name, Digest>> = BTreeMap::new();
    for commit in &comparison.commits {
        let mesh = load_commit(mesh, commit, context)?;
        let bundles = context.terminal.work("compiling", || compile(&mesh.numbered()));
        let digests = bundles.into_iter().map(|(gateway, bundle)| (gateway, bundle.digest));
        built.insert(commit, digests.collect());
    }
    let outcome = |gateway: &Name, released: &BundleSummary| {
        let Some(commit) = &released.source_commit else { return Outcome::NoCommit };
        match built.get(commit.as_str()).and_then(|digests| digests.get(gateway)) {
            Some(digest) if *digest == released.digest => Outcome::Same,
            Some(_) => Outcome::Other,
            None => Outcome::Unknown,
        }
    };
    comparison.gateways = summary
        .bundles
        .iter()
        .map(|(name, released)| (name.clone(), outcome(name, released)))
        .collect();
    Ok(comparison)
}

impl Comparison {
    /// What is wrong.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let problem = |(gateway, outcome): (&Name, &Outcome)| {
            let wrong = match outcome {
                Outcome::Same => return None,
                Outcome::Other => {
                    "its commit gives other bytes: it was built by another version of Tieline, or \
                     it is not of this commit"
                }
                Outcome::Unknown => "its commit has no such gateway",
                Outcome::NoCommit => "the release does not say which commit it was built from",
            };
            Some(Problem::new(Exit::BadBundle, format!("the bundle of {gateway}: {wrong}")))
        };
        self.gateways.iter().filter_map(problem).collect()
    }
}
