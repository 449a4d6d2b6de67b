//! Whether a gateway is in order: what it looks like before a release, what after, and whether
//! the release has to go back for it.

mod assess;
mod measure;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::UnitHealth;
use crate::primitives::UnitId;

pub use assess::{Assessment, assess};
pub use measure::{Ask, measure};

/// What of a gateway works. It is kept in the journal as what a release must not make worse, so
/// its format is a part of the journal's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The units that the generation in use wants, of those whose health can be told
    pub units: BTreeMap<UnitId, UnitHealth>,
    /// Whether each remote that was asked answered, by its URL
    pub remotes: BTreeMap<String, bool>,
    /// Whether each check of gateway.yaml succeeded, by what it says
    pub checks: BTreeMap<String, bool>,
}
