//! How well a unit is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::primitives::Name;

/// How one unit is, of those whose health can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitHealth {
    /// The gateway at the far end, where there is one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Name>,
    /// What works of it
    pub level: Level,
}

/// What works of a unit that is a daemon. Each level includes those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It has no process
    Stopped,
    /// Its process runs
    Running,
    /// It says that the far end is there
    Up,
    /// The far end answers through it
    Alive,
}
