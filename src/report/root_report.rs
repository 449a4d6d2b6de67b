//! What `tieline root` shows, as JSON with a schema in `schema/`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::primitives::Name;

/// The newest root of a repository, and the one that is proposed.
///
/// Format 1, written by Tieline 0.1 and later.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RootReport {
    /// The version of this format.
    pub format: u32,
    /// The newest root; none before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<RootEntry>,
    /// The proposed root; none where nothing is proposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalEntry>,
}

/// A root.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RootEntry {
    /// Its version.
    pub version: u64,
    /// The mesh it is for, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Name>,
    /// When it expires, in UTC.
    pub expires: String,
    /// Who holds what.
    pub roles: Vec<RoleEntry>,
}

/// A role.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RoleEntry {
    /// The role.
    pub role: String,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Its keys.
    pub keys: Vec<HolderEntry>,
}

/// A key in a root.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HolderEntry {
    /// Its id in metadata.
    pub id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Its kind, such as ed25519.
    pub kind: String,
}

/// A proposed root.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProposalEntry {
    /// What it says.
    pub root: RootEntry,
    /// What it changes, in words; nothing for the first root.
    pub changes: Vec<String>,
    /// Whether enough have signed.
    pub complete: bool,
    /// Who has to sign: under the newest root, and under the proposed one.
    pub needs: Vec<NeedEntry>,
    /// Signature files that count for nothing, and why.
    pub ignored: Vec<String>,
}

/// Who has to sign under one root.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NeedEntry {
    /// The version of the root whose holders these are.
    pub root: u64,
    /// How many of them must sign.
    pub threshold: u64,
    /// Who has signed.
    pub signed: Vec<HolderEntry>,
    /// Who has not.
    pub missing: Vec<HolderEntry>,
}

impl RootReport {
    /// The version of this format.
    pub const FORMAT: u32 = 1;
}
