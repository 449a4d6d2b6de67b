//! What `tieline sign` signs, and `tieline key show` shows; as JSON with schemas in `schema/`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::primitives::Name;

/// The release that `tieline sign` made or proposed, compared with the one before.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReleaseReport {
    /// The mesh, if the root names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Name>,
    /// The number of the release.
    pub release: u64,
    /// The team whose gateways alone it is about, if it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Whose signatures are missing, if it is proposed and waits for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<MissingSignatures>,
    /// The commit of the mesh's repository that it was built from, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// Until when the release counts as fresh: the first expiry among its metadata, in UTC.
    pub fresh_until: String,
    /// The role whose metadata that are.
    pub ends_with: String,
    /// The version of root that the release before was signed for, if later ones name other keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows_root: Option<u64>,
    /// Gateways that had no bundle.
    pub added: Vec<Name>,
    /// Gateways with another bundle than before.
    pub changed: Vec<Name>,
    /// Gateways with the same bundle as before, which will do nothing.
    pub unchanged: Vec<Name>,
    /// Gateways that have no bundle any more.
    pub removed: Vec<Name>,
    /// Gateways that a team answers for, and this release does not.
    pub elsewhere: BTreeMap<Name, String>,
}

/// Who answers for which gateways, as `tieline delegate list` shows it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TeamsReport {
    /// The teams, in the order in which gateways ask them.
    pub teams: Vec<TeamEntry>,
}

/// A team that signs for its own gateways.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TeamEntry {
    /// Its name.
    pub team: String,
    /// The ids of its keys.
    pub keys: Vec<String>,
    /// How many of them must sign.
    pub threshold: u64,
    /// The paths of the bundles that it may speak of.
    pub paths: Vec<String>,
    /// The gateways that it has signed for.
    pub gateways: Vec<Name>,
    /// Until when that is valid, in UTC; null where it has not signed with the keys it has now.
    pub expires: Option<String>,
}

/// Signatures that a release waits for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MissingSignatures {
    /// The role whose metadata are to be signed next.
    pub role: String,
    /// How many keys must sign.
    pub needed: u64,
    /// The ids of the keys that have.
    pub signed: Vec<String>,
    /// The ids of the other keys that may.
    pub others: Vec<String>,
}

/// The keys that `tieline key show` was asked about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeysReport {
    /// The keys, in the order in which they were named.
    pub keys: Vec<KeyEntry>,
}

/// A public key.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeyEntry {
    /// Its id in metadata.
    pub id: String,
    /// Its kind: ed25519.
    pub kind: String,
    /// Where it was read from.
    pub source: String,
    /// The key as SubjectPublicKeyInfo in PEM.
    pub pem: String,
    /// The SHA-256 fingerprint that `ssh-add -l` prints of the same key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The key in one line, as OpenSSH writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
}

impl ReleaseReport {
    /// Says that the release waits for signatures.
    pub fn wait_for(&mut self, missing: MissingSignatures) {
        self.held = Some(missing);
    }

    /// The release in words, for the person whose key signs it, with what else there is to say.
    #[must_use]
    pub fn text(&self, remarks: &[String]) -> String {
        let team = self.team.as_ref().map(|team| format!(" as team {team}")).unwrap_or_default();
        let of = self.mesh.as_ref().map(|mesh| format!(" of mesh {mesh}")).unwrap_or_default();
        let from = self.source_commit.as_ref().map(|commit| format!(" from commit {commit}"));
        let (release, until) = (self.release, &self.fresh_until);
        let from = from.unwrap_or_default();
        let mut lines = vec![format!("release {release}{of}{team}{from}, fresh until {until}:")];
        if self.ends_with != "timestamp" {
            let role = &self.ends_with;
            lines.push(format!("  the {role} metadata expire first: sign those again in time"));
        }
        if let Some(root) = self.follows_root {
            lines.push(format!("  the release before it was signed with the keys of root {root}"));
        }
        lines.extend(remarks.iter().map(|remark| format!("  {remark}")));
        let kinds = [
            ("added", &self.added),
            ("changed", &self.changed),
            ("removed", &self.removed),
            ("unchanged", &self.unchanged),
        ];
        for (kind, gateways) in kinds.into_iter().filter(|(_, gateways)| !gateways.is_empty()) {
            let names: Vec<_> = gateways.iter().map(Name::as_str).collect();
            lines.push(format!("  {kind:9} {}", names.join(", ")));
        }
        for (gateway, team) in &self.elsewhere {
            lines.push(format!("  {gateway} is left to team {team}"));
        }
        lines.join("\n")
    }
}

impl KeysReport {
    /// A few lines and the PEM for every key.
    #[must_use]
    pub fn text(&self) -> String {
        let optional = |text: &Option<String>| {
            text.as_ref().map(|text| format!("{text}\n")).unwrap_or_default()
        };
        let text = |key: &KeyEntry| {
            let (print, ssh) = (optional(&key.fingerprint), optional(&key.ssh));
            format!("{}  {}  {}\n{print}{}{ssh}", key.id, key.kind, key.source, key.pem)
        };
        let keys: Vec<_> = self.keys.iter().map(text).collect();
        keys.join("\n")
    }
}
