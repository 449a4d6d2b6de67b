//! What `tieline verify` finds, as people read it and as JSON with a schema in `schema/`.

use schemars::JsonSchema;
use serde::Serialize;

use super::counted;
use crate::primitives::Name;

/// A repository, looked at from a root up.
///
/// Format 1, written by Tieline 0.1 and later.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VerifyReport {
    /// The version of this format.
    pub format: u32,
    /// Whether a gateway that trusts the first of the roots would take every bundle.
    pub sound: bool,
    /// The mesh, if the root names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Name>,
    /// The number of the newest release; none before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// Whether the first root was given, and not taken from the repository itself.
    pub root_given: bool,
    /// The SHA-256 of the file with the first root.
    pub root_sha256: String,
    /// Who has signed what: roots first, in the order of trust.
    pub metadata: Vec<SignedEntry>,
    /// The bundle of every gateway.
    pub bundles: Vec<BundleEntry>,
    /// The commits that were built again to compare.
    pub rebuilt: Vec<String>,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// One metadata file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SignedEntry {
    /// Its role: root, timestamp, snapshot, targets or the name of a team.
    pub role: String,
    /// Its version.
    pub version: u64,
    /// When it says it was signed, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
    /// When it expires, in UTC.
    pub expires: String,
    /// How many keys have to sign.
    pub threshold: u64,
    /// Who has.
    pub signed_by: Vec<String>,
}

/// One bundle.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BundleEntry {
    /// The gateway.
    pub gateway: Name,
    /// The SHA-256 that the release says it has.
    pub sha256: String,
    /// Its length in bytes.
    pub length: u64,
    /// Who answers for it: targets or a team.
    pub by: String,
    /// The commit that it was built from, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// Whether it was built again and came out the same; none where it was not built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reproduced: Option<bool>,
}

impl VerifyReport {
    /// The version of this format.
    pub const FORMAT: u32 = 1;

    /// All of it in words; the verdict last.
    #[must_use]
    pub fn text(&self) -> String {
        let of = self.mesh.as_ref().map(|mesh| format!(" of mesh {mesh}")).unwrap_or_default();
        let mut lines: Vec<_> = self.metadata.iter().map(SignedEntry::text).collect();
        let width = self.bundles.iter().map(|bundle| bundle.gateway.as_str().len()).max();
        for bundle in &self.bundles {
            lines.push(bundle.text(width.unwrap_or_default()));
        }
        let bundles = counted(self.bundles.len(), "bundle");
        if !self.rebuilt.is_empty() {
            let same = self.bundles.iter().filter(|bundle| bundle.reproduced == Some(true)).count();
            let commits = self.rebuilt.join(", ");
            lines.push(format!("built again from {commits}: {same} of {bundles} the same"));
        }
        lines.push(match (self.sound, self.release) {
            (true, Some(release)) => {
                format!("sound: release {release}{of}, {bundles}, every digest as signed")
            }
            (true, None) => format!("sound: roots{of}, and no release yet"),
            (false, _) => format!("not sound: {}", counted(self.problems.len(), "problem")),
        });
        lines.join("\n")
    }
}

impl SignedEntry {
    fn text(&self) -> String {
        let name = format!("{} {}", self.role, self.version);
        let (threshold, expires) = (self.threshold, &self.expires);
        let by = match self.signed_by.as_slice() {
            [] => "nobody".to_owned(),
            some => some.join(", "),
        };
        format!("{name:14} valid until {expires}, signed by {by} ({threshold} needed)")
    }
}

impl BundleEntry {
    fn text(&self, width: usize) -> String {
        let (gateway, length) = (self.gateway.as_str(), self.length);
        let digest: String = self.sha256.chars().take(12).collect();
        let by = if self.by == "targets" { String::new() } else { format!(", by {}", self.by) };
        let from = self
            .source_commit
            .as_ref()
            .map(|commit| format!(", from commit {}", commit.chars().take(12).collect::<String>()));
        let from = from.unwrap_or_default();
        let built = match self.reproduced {
            Some(true) => ", built again: the same",
            Some(false) => ", built again: ANOTHER",
            None => "",
        };
        format!("  {gateway:width$}  sha256 {digest}…  {length} bytes{by}{from}{built}")
    }
}
