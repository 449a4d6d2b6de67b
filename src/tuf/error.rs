//! Why something is not trusted.

use crate::bundle::BundleError;
use crate::primitives::Name;

use super::{Role, UtcTime};

/// Why something a remote served was refused. Nothing of it is used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is no root to begin from, or it is not one: without it nothing can be trusted.
    #[error("the trusted root is not root metadata that its own keys have signed")]
    Root(#[source] Box<TrustError>),
    /// Files are still wanted, or were refused.
    #[error("the update was not carried through to its end")]
    Unfinished,
    /// A file that must be there is not.
    #[error("the repository has no {file}")]
    Missing {
        /// Its path in the repository.
        file: String,
    },
    /// A file is larger than it may be.
    #[error("{file} has more than {limit} bytes")]
    TooLarge {
        /// Its path in the repository.
        file: String,
        /// How many it may have.
        limit: u64,
    },
    /// A file is not metadata of its kind.
    #[error("{file} is not {role} metadata")]
    Metadata {
        /// Its path in the repository.
        file: String,
        /// Whose metadata it should be.
        role: Role,
        /// What is wrong with it.
        source: MetadataError,
    },
    /// Too few of the keys that hold the role have signed.
    #[error("{file} is not signed as {by} demands")]
    Signature {
        /// Its path in the repository.
        file: String,
        /// The metadata that say who has to sign.
        by: String,
        /// How many did and how many should have.
        source: TooFew,
    },
    /// A file is not the one that signed metadata describe: damaged, or of another release.
    #[error("{file} is not the file that {by} describes: its length, hash or version differs")]
    Mismatch {
        /// Its path in the repository.
        file: String,
        /// The metadata that describe it.
        by: String,
    },
    /// Something older than what has been trusted before.
    #[error("{file} goes back: {what} version {found} after version {trusted} was trusted")]
    Rollback {
        /// Its path in the repository.
        file: String,
        /// The metadata that would go back.
        what: String,
        /// The version it offers; 0 for none at all.
        found: u64,
        /// The version that is trusted.
        trusted: u64,
    },
    /// A version of root metadata is left out.
    #[error("{file} holds version {found}: each version must follow the one before it")]
    SkippedRoot {
        /// Its path in the repository.
        file: String,
        /// The version in it.
        found: u64,
    },
    /// A search for a target leads to more roles than anyone needs.
    #[error("{target:?} is delegated to more than {limit} roles")]
    TooManyRoles {
        /// The path of the target.
        target: String,
        /// How many roles are asked.
        limit: usize,
    },
    /// A search for a target leads on and on.
    #[error("{target:?} is delegated over more than {limit} steps")]
    TooDeep {
        /// The path of the target.
        target: String,
        /// How many steps are followed.
        limit: u32,
    },
    /// Metadata that are no longer valid.
    #[error("{file} expired at {expired}, and it is {now} now at least")]
    Expired {
        /// Its path in the repository.
        file: String,
        /// Its last second.
        expired: UtcTime,
        /// The time it was judged by.
        now: UtcTime,
    },
    /// The release has no bundle for this gateway.
    #[error("release {release} has no bundle for gateway {gateway}")]
    NoBundle {
        /// The gateway.
        gateway: Name,
        /// The release.
        release: u64,
    },
    /// What the release says of a bundle is not what Tieline writes.
    #[error("release {release} describes {file} in a way this version does not understand")]
    Description {
        /// The path of the bundle.
        file: String,
        /// The release.
        release: u64,
        /// What is wrong, where serde found it.
        source: Option<serde_json::Error>,
    },
    /// A bundle that only a later version can read.
    #[error(
        "release {release} needs format {needed} of bundles, and this version of Tieline ({}) reads \
         up to {known}",
        env!("CARGO_PKG_VERSION")
    )]
    NeedsUpgrade {
        /// The release.
        release: u64,
        /// The lowest format that has to be known.
        needed: u32,
        /// The highest that is.
        known: u32,
    },
    /// A bundle of another gateway.
    #[error("the bundle for gateway {wanted} is that of gateway {found}")]
    WrongGateway {
        /// The gateway it should be for.
        wanted: Name,
        /// The gateway it is for.
        found: Name,
    },
    /// A bundle of another mesh.
    #[error("the bundle for gateway {gateway} of mesh {wanted} is of mesh {found}")]
    WrongMesh {
        /// The gateway.
        gateway: Name,
        /// The mesh that the root is for.
        wanted: Name,
        /// The mesh that the bundle is of.
        found: Name,
    },
    /// Bytes that are not those the release signs.
    #[error("{file} is not the bundle that release {release} signs: its length or SHA-256 differs")]
    WrongBytes {
        /// The path of the bundle in the repository.
        file: String,
        /// The release.
        release: u64,
    },
    /// What is signed is no bundle.
    #[error("{file} is signed but is no bundle")]
    Bundle {
        /// The path of the bundle in the repository.
        file: String,
        /// What is wrong with it.
        source: BundleError,
    },
}

/// What kind of thing went wrong, for exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustErrorKind {
    /// A signature is wrong, missing, or over something else.
    Signature,
    /// Older than what is trusted.
    Rollback,
    /// No longer valid.
    Expired,
    /// For another gateway or mesh.
    WrongGateway,
    /// Not the signed bundle, or no bundle.
    BadBundle,
    /// A bundle that only a later version of Tieline can read.
    NeedsUpgrade,
    /// The repository is incomplete: another remote may have more.
    Incomplete,
}

impl TrustError {
    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> TrustErrorKind {
        match self {
            Self::Root(_)
            | Self::TooLarge { .. }
            | Self::Metadata { .. }
            | Self::Signature { .. }
            | Self::Mismatch { .. }
            | Self::TooManyRoles { .. }
            | Self::TooDeep { .. }
            | Self::SkippedRoot { .. } => TrustErrorKind::Signature,
            Self::Rollback { .. } => TrustErrorKind::Rollback,
            Self::Expired { .. } => TrustErrorKind::Expired,
            Self::NoBundle { .. } | Self::WrongGateway { .. } | Self::WrongMesh { .. } => {
                TrustErrorKind::WrongGateway
            }
            Self::Description { .. } | Self::WrongBytes { .. } | Self::Bundle { .. } => {
                TrustErrorKind::BadBundle
            }
            Self::NeedsUpgrade { .. } => TrustErrorKind::NeedsUpgrade,
            Self::Missing { .. } | Self::Unfinished => TrustErrorKind::Incomplete,
        }
    }
}

/// Why a file is not metadata.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not JSON, or not the fields that belong there.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Metadata of another role.
    #[error("it should be {wanted} metadata and is {found}")]
    Kind {
        /// The role it should be of.
        wanted: Role,
        /// What it says it is.
        found: String,
    },
    /// More signatures than anyone needs.
    #[error("it has {found} signatures, and at most {limit} are looked at")]
    Signatures {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Several signatures under one key id.
    #[error("it has two signatures under the same key id")]
    SignedTwice,
}

/// Too few valid signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{valid} valid signatures of keys that hold the role, and {threshold} are needed")]
pub struct TooFew {
    /// By how many different keys there are.
    pub valid: u64,
    /// By how many there must be.
    pub threshold: u64,
}
