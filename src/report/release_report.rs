//! What `tieline sign` signs, and `tieline key show` shows; as JSON with schemas in `schema/`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::primitives::Name;

/// The release that `tieline sign` made, compared with the one before.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ReleaseReport {
    /// The mesh.
    pub mesh: Name,
    /// The number of the release.
    pub release: u64,
    /// The commit of the mesh's repository that it was built from, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// Until when the release counts as fresh: the expiry of its timestamp, in UTC.
    pub fresh_until: String,
    /// Gateways that had no bundle.
    pub added: Vec<Name>,
    /// Gateways with another bundle than before.
    pub changed: Vec<Name>,
    /// Gateways with the same bundle as before, which will do nothing.
    pub unchanged: Vec<Name>,
    /// Gateways that have no bundle any more.
    pub removed: Vec<Name>,
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
    /// The release in words, for the person whose key signs it.
    #[must_use]
    pub fn text(&self) -> String {
        let from = self.source_commit.as_ref().map(|commit| format!(" from commit {commit}"));
        let mut lines = vec![format!(
            "release {} of mesh {}{}, fresh until {}:",
            self.release,
            self.mesh,
            from.unwrap_or_default(),
            self.fresh_until
        )];
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
