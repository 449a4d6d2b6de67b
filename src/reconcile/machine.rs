//! The parts of a host that the reconciler works with, real or not.

use crate::host::git::Remotes;
use crate::host::http::Mirrors;
use crate::host::{Clock, Files, Network, Probes, Services};

/// The parts of a machine that a gateway is made of.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its network.
    pub network: &'a dyn Network,
    /// Its daemons.
    pub services: &'a dyn Services,
    /// How its tunnels are, and who answers.
    pub probes: &'a dyn Probes,
    /// The git repositories that releases come from.
    pub remotes: &'a dyn Remotes,
    /// The web servers that releases come from.
    pub mirrors: &'a dyn Mirrors,
}
