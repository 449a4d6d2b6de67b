//! A bundle on its way in: whose it is, and whether it may do here what it asks for.

use crate::bundle::Manifest;
use crate::primitives::{ArtifactSet, Digest, Fingerprint, Name};
use crate::reconcile::units::{self, Forbidden, Local};
use crate::tuf::VerifiedBundle;

/// A bundle that is verified, meant for this gateway and allowed here. Only
/// [`check`](Candidate::check) makes one, and only one of these can be staged.
#[derive(Debug)]
pub struct Candidate {
    release: u64,
    digest: Digest,
    bytes: Vec<u8>,
    manifest: Manifest,
    files: ArtifactSet,
}

/// Why a verified bundle is not for this gateway.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It was made for another gateway.
    #[error("release {release} has the bundle of gateway {found} where {own}'s should be")]
    Gateway {
        /// The release.
        release: u64,
        /// The gateway it was made for.
        found: Name,
        /// This gateway.
        own: Name,
    },
    /// It was made for another mesh.
    #[error("release {release} is of mesh {found}, and this gateway belongs to {own}")]
    Mesh {
        /// The release.
        release: u64,
        /// The mesh it was made for.
        found: Name,
        /// The mesh of this gateway.
        own: Name,
    },
    /// It was made for a gateway with another certificate.
    #[error(
        "release {release} was made for another certificate of {gateway}: this gateway has {own}, \
         and mesh.yaml does not list it"
    )]
    Identity {
        /// The release.
        release: u64,
        /// This gateway.
        gateway: Name,
        /// Its certificate's fingerprint.
        own: Fingerprint,
    },
    /// Local policy forbids what it asks for.
    #[error("release {release} asks for what this gateway does not allow")]
    Forbidden {
        /// The release.
        release: u64,
        /// What it is.
        source: Forbidden,
    },
}

impl Candidate {
    /// Checks a bundle, and what was unpacked from it, against what this gateway knows about itself.
    pub(in crate::reconcile) fn check(
        bundle: &VerifiedBundle,
        (manifest, files): (Manifest, ArtifactSet),
        local: &Local,
    ) -> Result<Self, Refusal> {
        let (release, digest) = (bundle.release(), bundle.digest());
        addressed(release, &manifest, local.mesh, local.gateway, local.identity)?;
        units::check(&manifest, &files, local)
            .map_err(|source| Refusal::Forbidden { release, source })?;
        Ok(Self { release, digest, bytes: bundle.bytes().to_vec(), manifest, files })
    }

    /// The release that brought it here.
    #[must_use]
    pub fn release(&self) -> u64 {
        self.release
    }

    /// The digest of the bundle.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bundle itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it asks for.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> &ArtifactSet {
        &self.files
    }
}

/// Whether a bundle is for this very gateway: the mesh, the name and the certificate are its own.
pub(in crate::reconcile) fn addressed(
    release: u64,
    manifest: &Manifest,
    mesh: &Name,
    gateway: &Name,
    identity: Fingerprint,
) -> Result<(), Refusal> {
    if manifest.mesh != *mesh {
        let (found, own) = (manifest.mesh.clone(), mesh.clone());
        return Err(Refusal::Mesh { release, found, own });
    }
    if manifest.gateway != *gateway {
        let (found, own) = (manifest.gateway.clone(), gateway.clone());
        return Err(Refusal::Gateway { release, found, own });
    }
    if !manifest.identity.contains(&identity) {
        let (gateway, own) = (gateway.clone(), identity);
        return Err(Refusal::Identity { release, gateway, own });
    }
    Ok(())
}
