//! Whether a gateway does what it is for.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GatewayConfig, Machine, Wanted};
use crate::primitives::Device;

/// What was found healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {}

/// What two looks at a gateway say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is as healthy as before.
    pub healthy: bool,
    /// What is not as it was.
    pub waiting_for: Vec<String>,
    /// What is not as it should be, and is no reason to go back.
    pub warnings: Vec<String>,
}

/// Looks at a gateway.
pub fn take(_: &Machine, _: &GatewayConfig, _: &Wanted) -> Health {
    Health {}
}

/// Compares two looks.
#[must_use]
pub fn judge(_: &Health, _: &Health, _: &BTreeSet<Device>) -> Verdict {
    Verdict { healthy: true, ..Verdict::default() }
}
