//! The four top-level roles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A top-level role (TUF specification §2.1). Each signs one kind of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Says which keys hold which role.
    Root,
    /// Says what the newest snapshot is; short-lived.
    Timestamp,
    /// Says which versions of targets metadata belong together.
    Snapshot,
    /// Says what the bundles are.
    Targets,
}

impl Role {
    /// All four, in the order in which a client verifies them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }

    /// The name of the role's file where only the newest is kept, such as `timestamp.json`.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Root => "root.json",
            Self::Timestamp => "timestamp.json",
            Self::Snapshot => "snapshot.json",
            Self::Targets => "targets.json",
        }
    }

    /// The path in a repository of the role's metadata of `version`.
    pub(super) fn path(self, version: Option<u64>) -> String {
        match version {
            Some(version) => format!("metadata/{version}.{}", self.file_name()),
            None => format!("metadata/{}", self.file_name()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
