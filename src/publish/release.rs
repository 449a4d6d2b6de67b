//! The newest release in a repository directory, as far as publishing has to know it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::PublishError;
use crate::host::Files;
use crate::primitives::{Digest, Name};
use crate::tuf::RoleName;

/// The most that is read of a metadata file, in bytes.
const MAX_METADATA: u64 = 64 << 20;

/// What the target path of a gateway's bundle ends with.
const BUNDLE: &str = ".tar.gz";

/// What the path of root metadata ends with.
const ROOT: &str = ".root.json";

/// A release. Nothing of it is verified by reading it: a remote may have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Release {
    /// Where the repository is.
    pub(super) repository: Utf8PathBuf,
    /// The number of the release: the version of the targets metadata.
    pub(super) number: u64,
    /// When it was last signed, in seconds since 1970; 0 where the metadata do not say.
    pub(super) signed_at: i64,
    /// The paths of the metadata that a client needs.
    pub(super) metadata: Vec<String>,
    /// Every gateway's bundle.
    pub(super) bundles: BTreeMap<Name, Bundle>,
    snapshot: u64,
    timestamp: u64,
    targets_digest: Digest,
}

/// One gateway's bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// Its path in the repository.
    pub(super) path: String,
    /// Its SHA-256.
    pub(super) sha256: Digest,
}

#[derive(Deserialize)]
struct Envelope<T> {
    signed: Signed<T>,
}

#[derive(Deserialize)]
struct Signed<T> {
    version: u64,
    #[serde(rename = "x-tieline-signed-at")]
    time: Option<String>,
    #[serde(flatten)]
    body: T,
}

#[derive(Deserialize)]
struct Meta {
    meta: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
struct Targets {
    targets: BTreeMap<String, Target>,
    delegations: Option<Delegations>,
}

#[derive(Deserialize)]
struct Delegations {
    #[serde(default)]
    roles: Vec<Team>,
}

#[derive(Deserialize)]
struct Team {
    name: RoleName,
}

#[derive(Deserialize)]
struct Target {
    hashes: Hashes,
}

#[derive(Deserialize)]
struct Hashes {
    sha256: Digest,
}

impl Release {
    /// Reads what the timestamp metadata lead to.
    pub(super) fn read(files: &dyn Files, repository: &Utf8Path) -> Result<Self, PublishError> {
        let reader = Reader { files, repository };
        let timestamp: Signed<Meta> = reader.metadata("metadata/timestamp.json")?.1;
        let snapshot_version = reader.version(&timestamp, "timestamp", "snapshot.json")?;
        let snapshot_path = format!("metadata/{snapshot_version}.snapshot.json");
        let snapshot: Signed<Meta> = reader.metadata(&snapshot_path)?.1;
        let number = reader.version(&snapshot, "snapshot", "targets.json")?;
        let targets_path = format!("metadata/{number}.targets.json");
        let (targets_digest, targets): (_, Signed<Targets>) = reader.metadata(&targets_path)?;
        let mut metadata = reader.roots()?;
        metadata.extend(["metadata/timestamp.json".to_owned(), snapshot_path, targets_path]);
        let mut bundles = Reader::bundles(&targets.body);
        let mut teams: VecDeque<_> = targets.body.teams().collect();
        let mut asked = BTreeSet::new();
        while let Some(team) = teams.pop_front() {
            // One that has never signed has no metadata yet.
            let meta = snapshot.body.meta.get(&format!("{}.json", team.as_str()));
            let Some(meta) = meta.filter(|_| asked.insert(team.clone())) else { continue };
            let path = format!("metadata/{}.{}", meta.version, team.file_name());
            let theirs: Signed<Targets> = reader.metadata(&path)?.1;
            // Of bundles that several speak of, verification finds the one that counts.
            for (gateway, bundle) in Reader::bundles(&theirs.body) {
                bundles.entry(gateway).or_insert(bundle);
            }
            teams.extend(theirs.body.teams());
            metadata.push(path);
        }
        let signed_at = timestamp.time.as_deref();
        let signed_at = signed_at.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        Ok(Self {
            repository: repository.to_owned(),
            number,
            signed_at: signed_at.map_or(0, OffsetDateTime::unix_timestamp),
            metadata,
            bundles,
            snapshot: snapshot_version,
            timestamp: timestamp.version,
            targets_digest,
        })
    }

    /// The path of the newest root.
    pub(super) fn last_root(&self) -> &str {
        let root = self.metadata.iter().rfind(|path| path.ends_with(ROOT));
        root.map_or("metadata/1.root.json", String::as_str)
    }

    /// Its version, as the name says it.
    pub(super) fn last_root_number(&self) -> u64 {
        let name = self.last_root().strip_prefix("metadata/").unwrap_or_default();
        name.strip_suffix(ROOT).and_then(|number| number.parse().ok()).unwrap_or(1)
    }

    /// The path of the snapshot.
    pub(super) fn snapshot_path(&self) -> String {
        format!("metadata/{}.snapshot.json", self.snapshot)
    }

    /// Refuses to go back behind `published`: gateways would, and would report an attack.
    pub(super) fn check_follows(&self, published: &Self) -> Result<(), PublishError> {
        let versions = [
            ("targets", self.number, published.number),
            ("snapshot", self.snapshot, published.snapshot),
            ("timestamp", self.timestamp, published.timestamp),
        ];
        for (role, ours, theirs) in versions {
            if ours < theirs {
                return Err(PublishError::Older { role, theirs, ours });
            }
        }
        if self.number == published.number && self.targets_digest != published.targets_digest {
            return Err(PublishError::Fork { number: self.number });
        }
        Ok(())
    }
}

impl Targets {
    /// Who else may speak of bundles.
    fn teams(&self) -> impl Iterator<Item = RoleName> {
        let roles = self.delegations.iter().flat_map(|to| &to.roles);
        roles.map(|team| team.name.clone()).collect::<Vec<_>>().into_iter()
    }
}

struct Reader<'a> {
    files: &'a dyn Files,
    repository: &'a Utf8Path,
}

impl Reader<'_> {
    fn metadata<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(Digest, Signed<T>), PublishError> {
        let content = self.files.read(&self.repository.join(path), MAX_METADATA)?;
        let envelope: Envelope<T> = serde_json::from_slice(&content)
            .map_err(|error| self.wrong(path, error.to_string()))?;
        Ok((Digest::of(&content), envelope.signed))
    }

    /// The version that `meta`, the metadata of `role`, names for the file `name`.
    fn version(&self, meta: &Signed<Meta>, role: &str, name: &str) -> Result<u64, PublishError> {
        let entry = meta.body.meta.get(name).map(|entry| entry.version);
        entry.ok_or_else(|| self.wrong(&format!("metadata ({role})"), format!("no {name} in it")))
    }

    /// The whole chain of roots from the first on: a gateway may have been provisioned with any.
    fn roots(&self) -> Result<Vec<String>, PublishError> {
        let names = self.files.list(&self.repository.join("metadata"))?;
        let number = |name: &str| name.strip_suffix(ROOT)?.parse::<u64>().ok();
        let mut roots: Vec<_> =
            names.iter().filter_map(|name| number(name).map(|number| (number, name))).collect();
        roots.sort_unstable();
        if roots.is_empty() {
            return Err(self.wrong("metadata", "there is no root metadata".into()));
        }
        Ok(roots.into_iter().map(|(_, name)| format!("metadata/{name}")).collect())
    }

    /// Every gateway's bundle. Targets of other names are no business of gateways.
    fn bundles(targets: &Targets) -> BTreeMap<Name, Bundle> {
        let bundle = |(path, target): (&String, &Target)| {
            let gateway = path.strip_suffix(BUNDLE)?.parse().ok()?;
            let sha256 = target.hashes.sha256;
            Some((gateway, Bundle { path: format!("targets/{sha256}.{path}"), sha256 }))
        };
        targets.targets.iter().filter_map(bundle).collect()
    }

    fn wrong(&self, path: &str, what: String) -> PublishError {
        PublishError::Metadata { path: self.repository.join(path), what }
    }
}
