//! What nftables is told: the same on every gateway.

use crate::lang::nftables::{Rule, Ruleset};

/// The table of a gateway.
pub(super) fn ruleset() -> Ruleset {
    Ruleset { forward: vec![Rule::ClampSegments] }
}
