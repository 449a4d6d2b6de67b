//! Why a root cannot be proposed or made.

use crate::primitives::Name;
use crate::tuf::{MetadataError, Role, SignerError, TrustError, UtcTime};

/// Why a proposed root is not one. Nothing has been signed or written then.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The roots that are there do not follow from one another.
    #[error("the roots of the repository cannot be built upon")]
    Chain(#[source] TrustError),
    /// What should be a proposal is none.
    #[error("the proposal is not root metadata")]
    Metadata(#[source] MetadataError),
    /// A proposal that does not follow the root there is.
    #[error(
        "the proposal is root {found}, and the one that can follow is root {wanted}: each version \
         follows the one before it"
    )]
    Version {
        /// The version of the proposal.
        found: u64,
        /// The version it should have.
        wanted: u64,
    },
    /// A proposal for another mesh.
    #[error("the proposal is for mesh {found}, and the repository is that of mesh {wanted}")]
    Mesh {
        /// The mesh of the repository.
        wanted: String,
        /// The mesh of the proposal.
        found: String,
    },
    /// A proposal that gives up on consistent snapshots: no gateway would find a file any more.
    #[error("the proposal has consistent_snapshot false, and every repository of ours has it true")]
    Snapshots,
    /// More keys would have to sign than there are.
    #[error(
        "the {role} role would have {keys} usable keys, so {threshold} of them could never sign"
    )]
    Threshold {
        /// The role.
        role: Role,
        /// How many different keys it would have.
        keys: usize,
        /// How many would have to sign.
        threshold: u64,
    },
    /// A role names a key that is not listed.
    #[error("the {role} role names key {key}, which the proposal does not have")]
    UnknownHolder {
        /// The role.
        role: Role,
        /// The id.
        key: String,
    },
    /// One key under two ids would look like two people.
    #[error("keys {one} and {two} are the same key under two ids")]
    SameKey {
        /// One of them.
        one: String,
        /// The other.
        two: String,
    },
    /// A key that holds the role already.
    #[error("{key} holds the {role} role already")]
    HoldsAlready {
        /// The key.
        key: String,
        /// The role.
        role: Role,
    },
    /// A key that does not hold the role.
    #[error("{key} does not hold the {role} role")]
    HoldsNot {
        /// The key.
        key: String,
        /// The role.
        role: Role,
    },
    /// A key in the place of itself.
    #[error("{key} would be replaced by itself")]
    Itself {
        /// The key.
        key: String,
    },
    /// Nobody knows which key is meant.
    #[error("no key of the root is called {what}: say a name, an id or the beginning of one")]
    NoSuchKey {
        /// What was said.
        what: String,
    },
    /// Several keys are meant.
    #[error("several keys of the root are called {what}: say more of the id")]
    SeveralKeys {
        /// What was said.
        what: String,
    },
    /// A name that another key has.
    #[error("another key is called {name} already")]
    NameTaken {
        /// The name.
        name: Name,
    },
    /// A root that would be expired from the beginning.
    #[error("a root that expires at {expires} is of no use at {now}")]
    Expired {
        /// When it would expire.
        expires: UtcTime,
        /// The time now.
        now: UtcTime,
    },
    /// There is no higher version.
    #[error("the root metadata have reached the highest version there is")]
    LastVersion,
    /// A key whose signature would count for nothing.
    #[error(
        "key {key} holds the root role neither now nor in the proposal, so its signature counts for nothing"
    )]
    NoHolder {
        /// The id of the key.
        key: String,
    },
    /// Too few have signed.
    #[error("too few have signed root {version}")]
    Unsigned {
        /// The version of the proposal.
        version: u64,
    },
    /// Signing failed.
    #[error("cannot sign")]
    Signer(#[from] SignerError),
    /// What was made is not what a gateway would accept.
    #[error("a gateway would not accept the result")]
    Refused(#[source] TrustError),
}
