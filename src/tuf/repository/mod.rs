//! The other side: making root metadata and releases (TUF specification §6).
//!
//! Nothing is written here. What comes back are files in the order in which they must be
//! written: a client sees a release from the moment its `timestamp.json` is there, so that is
//! last, and what was left out by a crash before it was never part of a release.

mod audit;

mod delegate;
mod error;
mod files;
mod propose;
mod proposed;
mod release;
mod review;
mod root;
mod signing;
mod succession;
mod summary;
mod teams;

pub use audit::Audit;
pub use delegate::{Delegate, TeamSummary, delegate};
pub use error::RepositoryError;
pub use files::NewFile;
pub use propose::{changed_delegations, load_proposed, propose, propose_for_team};
pub use proposed::{Missing, ProposedMetadata};
pub use release::{Changes, NewRelease, ProposedRelease, ReleaseTerms, complete, refresh, release};
pub use review::{check_clock, check_lifetimes, check_proposed, check_removed};
pub use root::{
    Change, Edit, KeySummary, NamedKey, ProposedRoot, RoleSummary, RoleTerms, RootError,
    RootSummary, RootTerms, SignatureStatus, TrustedRoot, first_proposed_root, first_root,
};
pub use succession::{is_next_root, keeps_versions};
pub use summary::{BundleSummary, MetadataSummary, RepositorySummary, SignedRoot};
