//! Who wants a change of generation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who wants a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A new release
    Release,
    /// An administrator on this gateway, who goes back
    #[serde(rename = "by-hand")]
    Administrator,
}
