//! A release: proposed, and made.

use std::collections::BTreeMap;

use super::{NewFile, ProposedMetadata};
use crate::primitives::{Difference, Name};
use crate::tuf::RoleName;

/// A release to be written into its repository.
#[derive(Debug)]
pub struct NewRelease {
    /// Its number.
    pub number: u64,
    /// Its files, in the order in which they must be written.
    pub files: Vec<NewFile>,
    /// What it does to gateways.
    pub changes: Changes,
}

/// What a release is to gateways, compared with the one before, by their bundles: those that are
/// unchanged have the same, byte for byte, and will do nothing.
pub type Changes = Difference<Name>;

/// A release that nobody has signed yet, or not enough.
#[derive(Debug)]
pub struct ProposedRelease {
    /// Its number.
    pub number: u64,
    /// The commit it was built from, where all bundles come from the same one.
    pub source_commit: Option<String>,
    /// What it does to gateways.
    pub changes: Changes,
    /// Gateways that a team answers for, and so this release does not.
    pub elsewhere: BTreeMap<Name, RoleName>,
    /// Its metadata so far.
    pub metadata: ProposedMetadata,
    /// Its bundles: where they lie in the repository, and their bytes.
    pub bundles: Vec<NewFile>,
}
