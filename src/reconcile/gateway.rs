//! What a run works on: a machine that knows which gateway it is.

use super::config::GatewayConfig;
use super::events::Events;
use super::machine::Machine;
use crate::primitives::Fingerprint;

/// A gateway: a machine that knows what it is.
#[derive(Clone, Copy)]
pub struct Gateway<'a> {
    /// The machine.
    pub machine: Machine<'a>,
    /// Its gateway.yaml.
    pub config: &'a GatewayConfig,
    /// The fingerprint of its certificate.
    pub identity: Fingerprint,
    /// The id of the user that OpenVPN runs as, who owns the tunnels' devices.
    pub owner: u32,
    /// Whether somebody is watching, who would rather not wait for what can be had at once.
    pub attended: bool,
    /// What is done about what differs from the generation in use.
    pub drift: OnDrift,
    /// Where what happens is noted.
    pub events: &'a Events,
}

/// What is done about what differs from the generation in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// It is put right.
    #[default]
    Repair,
    /// It is told of. A new release is applied all the same, and puts right what it brings along.
    Report,
}
