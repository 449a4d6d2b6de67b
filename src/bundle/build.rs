//! `build.json`: what one run of `tieline build` made.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::primitives::{Digest, Name};

/// The list of bundles that `tieline build` writes beside them, and `tieline sign` reads and
/// checks against them.
///
/// Format 1 is written and read by Tieline 0.1. Fields that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// The version of this format: 1.
    pub format: u32,
    /// The mesh.
    pub mesh: Name,
    /// The commit of the mesh's repository that was built, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// The version of Tieline that built it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tieline: Option<String>,
    /// The bundle of every gateway: the file `<gateway>.tar.gz`.
    pub gateways: BTreeMap<Name, BuiltBundle>,
}

/// One bundle of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltBundle {
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

impl Build {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    /// The name of the file.
    pub const FILE: &'static str = "build.json";

    /// The file name of a gateway's bundle.
    #[must_use]
    pub fn bundle_file(gateway: &Name) -> String {
        format!("{gateway}.tar.gz")
    }
}
