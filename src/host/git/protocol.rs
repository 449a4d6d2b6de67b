//! What goes over the pipes between this process and the worker: one request, one reply, as JSON.
//! Both ends are the same binary, so the form may change freely.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::{Branch, Fetched, GitFailure, Limits, Pushed, Remote};

/// What the worker is to do. Secrets come this way because nobody else can read a pipe.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The process that asks. The worker does not outlive it.
    pub(super) parent: u32,
    /// When the worker ends itself if nobody ended it, in milliseconds.
    pub(super) deadline: u64,
    /// The remote.
    pub(super) remote: Remote,
    /// The token from the environment.
    pub(super) token: Option<String>,
    /// Whether the ssh agent may be asked.
    pub(super) ssh_agent: bool,
    /// The directory to work in.
    pub(super) directory: Utf8PathBuf,
    /// The work.
    pub(super) work: Work,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Work {
    Fetch { branch: String, targets: bool, limits: Limits },
    Reach,
    Push { steps: Vec<Vec<Branch>>, prune: Option<String>, dry_run: bool },
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Fetched(Fetched),
    Reached,
    Pushed(Pushed),
    Failed(GitFailure),
}
