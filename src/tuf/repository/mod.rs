//! The other side: making root metadata and releases (TUF specification §6).
//!
//! Nothing is written here. What comes back are files in the order in which they must be
//! written: a client sees a release from the moment its `timestamp.json` is there, so that is
//! last, and what was left out by a crash before it was never part of a release.
//!
//! From the bottom up: errors, `files`, `terms`, `clock` and `signing`; a repository as it is in `teams`,
//! `audit` and `succession`; `root` makes roots. A release goes from `propose`, `delegate` or `refresh`
//! over `proposed`, while signatures are missing, `review` and `renumbered` to `complete`; `release` has its types and
//! `next_metadata` what follows from it. `summary` is for people.

mod audit;
mod clock;
mod complete;
mod delegate;
mod error;
mod files;
mod next_metadata;
mod propose;
mod proposed;
mod refresh;
mod release;
mod renumbered;
mod review;
mod root;
mod root_error;
mod signing;
mod succession;
mod summary;
mod teams;
mod terms;

pub use audit::Audit;
pub use complete::{complete, release};
pub use delegate::{Delegate, TeamSummary, delegate};
pub use error::RepositoryError;
pub use files::NewFile;
pub use propose::{changed_delegations, load_proposed, propose, propose_for_team};
pub use proposed::{Missing, ProposedMetadata};
pub use refresh::refresh;
pub use release::{Changes, NewRelease, ProposedRelease};
pub use renumbered::{Addresses, check_renumbered};
pub use review::{check_clock, check_lifetimes, check_proposed, check_removed};
pub use root::{
    Change, Edit, KeySummary, NamedKey, ProposedRoot, RoleSummary, RoleTerms, RootSummary,
    RootTerms, SignatureStatus, TrustedRoot, first_proposed_root, first_root,
};
pub use root_error::RootError;
pub use succession::{is_next_root, keeps_versions};
pub use summary::{BundleSummary, MetadataSummary, RepositorySummary, SignedRoot};
pub use terms::ReleaseTerms;
