//! From a TUF repository directory to branches on a git server.
//!
//! Two steps, in this order (docs/git.md says more):
//!
//! 1. `release`: the whole repository, as one more commit. It must fast-forward, so of two who
//!    publish at the same time one loses here, before a gateway saw anything; and nothing is ever
//!    offered to a gateway that the record does not have.
//! 2. `gateway/<name>` for every gateway: its slice, as one commit without parents. Branches of
//!    gateways that left the mesh are deleted.
//!
//! If the second step fails, running it again does what is missing.

mod branches;
mod error;
mod release;
mod verify;

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

pub use branches::RELEASE as RELEASE_BRANCH;
pub use error::PublishError;
use release::Release;

use crate::host::Files;
use crate::host::git::{
    Change, FailureKind, Fetch, GitError, History, Limits, Publisher, Push, Remote,
};

/// What is to be published, where to.
#[derive(Debug)]
pub struct Publication<'a> {
    /// The directory of the TUF repository: `metadata/` and `targets/`.
    pub repository: &'a Utf8Path,
    /// The root it is verified from.
    pub root: &'a [u8],
    /// The git repository it goes to.
    pub remote: &'a Remote,
    /// A directory for the work, empty or from an earlier time.
    pub workspace: Utf8PathBuf,
    /// How long each exchange with the remote may take.
    pub deadline: Duration,
    /// Find out what would change, and change nothing.
    pub dry_run: bool,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Published {
    /// The number of the release.
    pub release: u64,
    /// Whether this is what would have been done.
    pub dry_run: bool,
    /// Every branch that changed, and how.
    pub branches: BTreeMap<String, Change>,
}

/// Publishes the newest release of a repository. What the remote has already is left alone.
pub fn publish(
    files: &dyn Files,
    git: &dyn Publisher,
    now: OffsetDateTime,
    publication: &Publication,
) -> Result<Published, PublishError> {
    let mut release = Release::read(files, publication.repository)?;
    release.bundles = verify::verify(files, now, publication.root, &release)?;
    let recorded = recorded(files, git, publication)?;
    if let Some(recorded) = &recorded
        && verify::keeps_versions_of(files, &release, &recorded.release)?
    {
        release.check_follows(&recorded.release)?;
    }
    let history = History::Append(recorded.as_ref().map(|recorded| recorded.commit.clone()));
    let previous = recorded.as_ref().map(|recorded| &recorded.release);
    let record = branches::record(files, &release, previous, history)?;
    let push = Push {
        remote: publication.remote.clone(),
        directory: publication.workspace.join("push"),
        deadline: publication.deadline,
        steps: vec![vec![record], branches::slices(&release)],
        prune: Some(branches::GATEWAYS.to_owned()),
        dry_run: publication.dry_run,
    };
    let pushed = git.push(&push)?;
    Ok(Published {
        release: release.number,
        dry_run: publication.dry_run,
        branches: pushed.changes,
    })
}

/// The release that the remote's record ends with.
struct Recorded {
    commit: String,
    release: Release,
}

fn recorded(
    files: &dyn Files,
    git: &dyn Publisher,
    publication: &Publication,
) -> Result<Option<Recorded>, PublishError> {
    let fetched = git.fetch(&Fetch {
        remote: publication.remote.clone(),
        branch: branches::RELEASE.to_owned(),
        targets: false,
        directory: publication.workspace.join("fetch"),
        deadline: publication.deadline,
        limits: Limits::REPOSITORY,
    });
    match fetched {
        Ok(fetched) => {
            let release =
                Release::read(files, &fetched.files).map_err(|error| PublishError::Recorded {
                    remote: publication.remote.url.clone(),
                    source: Box::new(error),
                })?;
            Ok(Some(Recorded { commit: fetched.commit, release }))
        }
        Err(error) if is_new(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn is_new(error: &GitError) -> bool {
    error.kind() == Some(FailureKind::NoBranch)
}
