//! How much is read at all, before anything is known to be true.

use crate::bundle;

/// What a client refuses to exceed, each against somebody who serves without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of one version of root metadata, in bytes (specification 5.3.3, W).
    pub root: u64,
    /// Length of timestamp metadata, in bytes (5.4.1, X).
    pub timestamp: u64,
    /// Length of snapshot metadata, in bytes (5.5.1, Y).
    pub snapshot: u64,
    /// Length of targets metadata, in bytes (5.6.1, Z). A gateway takes about 300 bytes.
    pub targets: u64,
    /// Length of a bundle, in bytes.
    pub bundle: u64,
    /// How many new versions of root metadata one update follows (5.3.3, Y); the next goes on.
    pub roots: u32,
    /// How many delegated roles are asked about one target (5.6.7.1).
    pub delegations: usize,
    /// How many delegations may lie between the top-level targets and whoever is asked.
    pub depth: u32,
    /// How many signatures one file may carry: each costs a check.
    pub signatures: usize,
}

impl Limits {
    /// What a gateway allows.
    pub const GATEWAY: Self = Self {
        root: 512 << 10,
        timestamp: 16 << 10,
        snapshot: 2 << 20,
        targets: 32 << 20,
        bundle: bundle::Limits::GATEWAY.packed as u64,
        roots: 256,
        delegations: 32,
        depth: 8,
        signatures: 256,
    };
}
