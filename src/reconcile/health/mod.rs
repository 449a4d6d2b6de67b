//! Whether a gateway is in order: what it looks like before a release, what after, and whether
//! the release has to go back for it.

mod check;
mod judge;
mod look;
mod tunnels;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::primitives::{Device, Name};

pub use check::{Check, MOST_CHECKS};
pub use judge::{Verdict, judge};
pub use look::{Ask, take};
pub use tunnels::{TunnelSight, tunnels};

pub(super) use check::{list as check_list, schema as check_schema};

/// What of a gateway works. It is kept in the journal as what a release must not make worse, so
/// its format is a part of the journal's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The tunnels that the generation in use wants
    pub tunnels: BTreeMap<Device, PeerHealth>,
    /// Whether each remote that was asked answered, by its URL
    pub remotes: BTreeMap<String, bool>,
    /// Whether each check of gateway.yaml succeeded, by what it says
    pub checks: BTreeMap<String, bool>,
}

/// How one tunnel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerHealth {
    /// The gateway at the far end
    pub peer: Name,
    /// What works of it
    pub level: Level,
}

/// What works of a tunnel. Each level includes those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It has no process
    Stopped,
    /// Its process runs
    Running,
    /// OpenVPN says that the far end is there
    Up,
    /// The far end's mesh address answers through the tunnel
    Alive,
}
