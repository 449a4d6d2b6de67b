//! What has been verified: a release, a gateway's part of it, its bundle.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::checks::freshness_keys;
use super::expiry::ExpiryCheck;
use super::search::SearchResults;
use super::{Request, Validity};
use crate::bundle::{self, BundleError, Manifest};
use crate::primitives::{ArtifactSet, Digest, Name};
use crate::tuf::metadata::{Root, Signed, TargetFile, Targets};
use crate::tuf::{Role, TrustError, UtcTime};

/// A release whose metadata were verified from the root down. Only [`Update`](super::Update)
/// makes one.
#[derive(Debug)]
pub struct VerifiedRelease {
    targets: Signed<Targets>,
    found: SearchResults,
    mesh: Option<Name>,
    freshness_keys: Digest,
    consistent: bool,
    validity: Vec<Validity>,
    now: Option<UtcTime>,
    limit: u64,
}

/// One gateway's part of a verified release: what its bundle must be.
#[derive(Debug, Clone)]
pub struct VerifiedTarget<'a> {
    release: &'a VerifiedRelease,
    description: Description,
    length: u64,
    digest: Digest,
}

/// A bundle that is, byte for byte, what a verified release says. Only
/// [`VerifiedTarget::accept`] makes one, and nothing else can be staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBundle {
    description: Description,
    release: u64,
    digest: Digest,
    bytes: Vec<u8>,
}

/// What a release says of a bundle besides its length and digest (`custom`, specification §4.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The gateway it is for.
    pub gateway: Name,
    /// The mesh it belongs to.
    pub mesh: Name,
    /// The lowest format of bundles that a reader must know for it: what its manifest says.
    pub format: u32,
    /// The commit of the mesh's repository that it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// The version of Tieline that built it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tieline: Option<String>,
    /// What a later version says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The path of a gateway's bundle in targets metadata.
pub(in crate::tuf) fn target_path(gateway: &Name) -> String {
    format!("{gateway}.tar.gz")
}

/// Where that file lies in a repository: with its digest in front where there are consistent
/// snapshots (specification 5.7.3).
pub(in crate::tuf) fn storage_path(gateway: &Name, digest: Option<Digest>) -> String {
    let path = target_path(gateway);
    digest.map_or_else(|| format!("targets/{path}"), |digest| format!("targets/{digest}.{path}"))
}

impl VerifiedRelease {
    pub(super) fn new(
        root: &Signed<Root>,
        targets: Signed<Targets>,
        found: SearchResults,
        validity: Vec<Validity>,
        expiry_check: ExpiryCheck,
        limit: u64,
    ) -> Self {
        Self {
            targets,
            found,
            mesh: root.body.mesh.clone(),
            freshness_keys: freshness_keys(&root.body),
            consistent: root.body.consistent_snapshot,
            validity,
            now: match expiry_check {
                ExpiryCheck::At(now) => Some(now),
                ExpiryCheck::Never => None,
            },
            limit,
        }
    }

    /// The number of the release: the version of its top-level targets metadata. Those of a
    /// delegated role change without it: what a gateway has to do follows from digests.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.targets.version.get()
    }

    /// The mesh that the root is for, if it says so.
    #[must_use]
    pub fn mesh(&self) -> Option<&Name> {
        self.mesh.as_ref()
    }

    /// Another one whenever the keys of timestamp or snapshot change, and with them the right to
    /// begin counting anew (specification 5.3.11).
    #[must_use]
    pub fn freshness_keys(&self) -> Digest {
        self.freshness_keys
    }

    /// For how long the metadata of each role are valid.
    #[must_use]
    pub fn validity(&self) -> &[Validity] {
        &self.validity
    }

    /// The newest time that the top-level roles have signed at: it has passed. What a team says of
    /// the time concerns nobody.
    #[must_use]
    pub fn signed_at(&self) -> Option<UtcTime> {
        let top = |of: &&Validity| Role::ALL.iter().any(|role| role.as_str() == of.role);
        self.validity.iter().filter(top).filter_map(|of| of.signed_at).max()
    }

    /// What will soon have expired, soonest first.
    #[must_use]
    pub fn ending(&self) -> Vec<Validity> {
        let Some(now) = self.now else { return Vec::new() };
        let mut ending: Vec<_> =
            self.validity.iter().filter(|v| v.is_ending(now)).cloned().collect();
        ending.sort_by_key(|validity| validity.expires);
        ending
    }

    /// What the release says of the bundle for `gateway` (specification 5.7). Where bundles are
    /// delegated, it must have been [sought](super::Update::seek_bundle).
    pub fn target(&self, gateway: &Name) -> Result<VerifiedTarget<'_>, TrustError> {
        let path = target_path(gateway);
        let release = self.number();
        let strange = |source| TrustError::Description { file: path.clone(), release, source };
        // 5.7.2: there is such a target.
        let Some(file) = self.found.file(&path, &self.targets)? else {
            return Err(TrustError::NoBundle { gateway: gateway.clone(), release });
        };
        let description = describe(file).map_err(|error| strange(Some(error)))?;
        if description.gateway != *gateway {
            let (wanted, found) = (gateway.clone(), description.gateway);
            return Err(TrustError::WrongGateway { wanted, found });
        }
        if let Some(wanted) = self.mesh.as_ref().filter(|mesh| **mesh != description.mesh) {
            return Err(TrustError::WrongMesh {
                gateway: gateway.clone(),
                wanted: wanted.clone(),
                found: description.mesh,
            });
        }
        // Before anything is asked for: a gateway could not read it.
        if description.format > Manifest::FORMAT {
            let (needed, known) = (description.format, Manifest::FORMAT);
            return Err(TrustError::NeedsUpgrade { release, needed, known });
        }
        let digest = file.hashes.digest().ok_or_else(|| strange(None))?;
        Ok(VerifiedTarget { release: self, description, length: file.length, digest })
    }

    /// The targets metadata.
    pub(in crate::tuf) fn targets(&self) -> &Signed<Targets> {
        &self.targets
    }

    /// Whose bundle, according to this release, has `digest`.
    fn owner_of(&self, digest: Digest) -> Option<Name> {
        let all = [&self.targets].into_iter().chain(self.found.roles().map(|(_, signed)| signed));
        let mut files = all.flat_map(|signed| signed.body.targets.values());
        let file = files.find(|file| file.hashes.digest() == Some(digest))?;
        Some(describe(file).ok()?.gateway)
    }
}

/// What metadata say of a bundle; an error for a target that is none of ours.
pub(in crate::tuf) fn describe(file: &TargetFile) -> Result<Description, serde_json::Error> {
    serde_json::from_value(file.custom.clone().unwrap_or(Value::Null))
}

impl VerifiedTarget<'_> {
    /// The SHA-256 of the bundle.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What the release says of the bundle besides.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Where the bundle is, and how many bytes to read.
    #[must_use]
    pub fn request(&self) -> Request {
        let digest = self.release.consistent.then_some(self.digest);
        let path = storage_path(&self.description.gateway, digest);
        Request { path, limit: self.length.min(self.release.limit) }
    }

    /// Takes `bytes` for the bundle if they are it (specification 5.7.3). Nothing in them has
    /// been parsed by then.
    pub fn accept(&self, bytes: Vec<u8>) -> Result<VerifiedBundle, TrustError> {
        let Request { path, limit } = self.request();
        let release = self.release.number();
        let wrong = TrustError::WrongBytes { file: path, release };
        if bytes.len() as u64 > self.release.limit {
            return Err(wrong);
        }
        let digest = Digest::of(&bytes);
        if digest == self.digest && bytes.len() as u64 == limit {
            let description = self.description.clone();
            return Ok(VerifiedBundle { description, release, digest, bytes });
        }
        // A mix-up deserves a better word than "differs".
        match self.release.owner_of(digest) {
            Some(found) if found != self.description.gateway => {
                Err(TrustError::WrongGateway { wanted: self.description.gateway.clone(), found })
            }
            _ => Err(wrong),
        }
    }
}

impl VerifiedBundle {
    /// The number of the release it belongs to.
    #[must_use]
    pub fn release(&self) -> u64 {
        self.release
    }

    /// Its SHA-256.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes it apart: the manifest, which is for the gateway and the mesh that the release names,
    /// and the files.
    pub fn unpack(&self) -> Result<(Manifest, ArtifactSet), TrustError> {
        let Description { gateway, mesh, .. } = &self.description;
        let release = self.release;
        let (manifest, files) = bundle::unpack(&self.bytes).map_err(|source| match source {
            BundleError::Format { found, known } => {
                let needed = u32::try_from(found).unwrap_or(u32::MAX);
                TrustError::NeedsUpgrade { release, needed, known }
            }
            source => TrustError::Bundle { file: target_path(gateway), source },
        })?;
        if manifest.gateway != *gateway {
            let (wanted, found) = (gateway.clone(), manifest.gateway);
            return Err(TrustError::WrongGateway { wanted, found });
        }
        if manifest.mesh != *mesh {
            let (gateway, wanted) = (gateway.clone(), mesh.clone());
            return Err(TrustError::WrongMesh { gateway, wanted, found: manifest.mesh });
        }
        Ok((manifest, files))
    }
}
