//! What git is asked to do, and what came of it: plain data, the same on both sides of the pipe
//! to the worker.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Remote;

/// Fetch the newest commit of one branch as plain files.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// From where.
    pub remote: Remote,
    /// The branch, such as `gateway/perth`.
    pub branch: String,
    /// Whether the files in `targets/` are wanted too, or only those in `metadata/`.
    pub targets: bool,
    /// A directory for this alone. It is made where missing, holds nothing that cannot be
    /// fetched again, and may serve several remotes of the same branch.
    pub directory: Utf8PathBuf,
    /// When the worker is killed, counted from the call.
    pub deadline: Duration,
    /// How much is accepted.
    pub limits: Limits,
}

/// How much a remote may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes received over the network, and the size of any file the worker writes. Stops endless
    /// packs.
    pub received: u64,
    /// Git objects in the pack. Stops packs of millions of tiny objects.
    pub objects: u64,
    /// Files in the commit.
    pub files: u64,
    /// Bytes of one file, unpacked. Stops compression bombs.
    pub file: u64,
    /// Bytes of all files together, unpacked.
    pub total: u64,
    /// Bytes of memory the worker may map. Stops endless lists of branches and whatever else
    /// git keeps in memory.
    pub memory: u64,
}

impl Limits {
    /// For one gateway's slice: metadata of a large mesh and one bundle.
    pub const SLICE: Self = Self {
        received: 64 << 20,
        objects: 4096,
        files: 1024,
        file: 32 << 20,
        total: 64 << 20,
        memory: 256 << 20,
    };

    /// For the whole repository, with every bundle it keeps.
    pub const REPOSITORY: Self = Self {
        received: 4 << 30,
        objects: 4_000_000,
        files: 1_000_000,
        file: 256 << 20,
        total: 8 << 30,
        memory: 8 << 30,
    };
}

/// Find out whether a remote can be reached.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The remote.
    pub remote: Remote,
    /// The directory that fetches from it use.
    pub directory: Utf8PathBuf,
    /// When the worker is killed, counted from the call.
    pub deadline: Duration,
}

/// A fetched commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Its id.
    pub commit: String,
    /// The directory with its files: `metadata/…` and `targets/…`, regular files only. Nothing in
    /// them is verified.
    pub files: Utf8PathBuf,
    /// How many bytes of objects came over the network: 0 where the files of this commit were
    /// there already.
    pub received: u64,
}

/// Bring branches of a remote to the content they are to have.
#[derive(Debug, Clone)]
pub struct Push {
    /// Where to.
    pub remote: Remote,
    /// A directory for this alone, made where missing.
    pub directory: Utf8PathBuf,
    /// When the worker is killed, counted from the call.
    pub deadline: Duration,
    /// The branches, in steps: a step is pushed when the one before it is on the remote.
    pub steps: Vec<Vec<Branch>>,
    /// Branches with this beginning that no step names are deleted in the last step.
    pub prune: Option<String>,
    /// Find out what would change, and change nothing.
    pub dry_run: bool,
}

/// What one branch is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Its name, such as `gateway/perth`.
    pub name: String,
    /// Where the content of each file is, by its path in the tree.
    pub files: BTreeMap<String, Utf8PathBuf>,
    /// The message of the commit.
    pub message: String,
    /// The time of the commit, in seconds since 1970.
    pub time: i64,
    /// What becomes of the commits that are there.
    pub history: History,
}

/// What becomes of the commits a branch has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum History {
    /// The new commit has no parents and replaces whatever was there.
    Replace,
    /// The new commit follows the one named, or begins the branch. If the branch has another
    /// commit by now, somebody else was faster, and the push fails.
    Append(Option<String>),
}

/// What a push changed, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The change of every branch that had one.
    pub changes: BTreeMap<String, Change>,
}

/// How a branch changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there before.
    Created,
    /// It has a new commit.
    Updated,
    /// It is gone.
    Deleted,
}
