//! The other side: making root metadata and releases (TUF specification §6).
//!
//! Nothing is written here. What comes back are files in the order in which they must be
//! written: a client sees a release from the moment its `timestamp.json` is there, so that is
//! last, and what was left out by a crash before it was never part of a release.

mod audit;
mod binding;
mod delegate;
mod error;
mod examine;
mod files;
mod held;
mod propose;
mod release;
mod review;
mod root;
mod signing;
mod teams;

pub use audit::Audit;
pub use binding::{binding, succeeds};
pub use delegate::{Delegate, TeamView, delegate};
pub use error::RepositoryError;
pub use examine::{BundleSight, Examination, MetadataSight, RootSight};
pub use files::NewFile;
pub use held::{Held, Missing};
pub use propose::{delegates_anew, propose, propose_as, proposed};
pub use release::{Changes, NewRelease, Proposal, ReleaseTerms, complete, refresh, release};
pub use review::{check_clock, check_held, check_lifetimes, check_removed};
pub use root::{
    Change, Edit, KeyView, NamedKey, RoleTerms, RoleView, RootError, RootProposal, RootTerms,
    RootView, Standing, TrustedRoot, first_proposal, first_root,
};
