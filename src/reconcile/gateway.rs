//! What a run works on: a machine that knows which gateway it is.

use super::{Current, GatewayConfig, History, Local, RunError, generation};
use crate::host::git::Remotes;
use crate::host::http::Mirrors;
use crate::host::{Clock, Files, Network, Probes, Services};
use crate::primitives::Fingerprint;

/// The parts of a machine that a gateway is made of, real or not.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// Its clock.
    pub clock: &'a dyn Clock,
    /// Its network.
    pub network: &'a dyn Network,
    /// The processes of its tunnels.
    pub services: &'a dyn Services,
    /// How its tunnels are, and who answers.
    pub probes: &'a dyn Probes,
    /// The git repositories that releases come from.
    pub remotes: &'a dyn Remotes,
    /// The web servers that releases come from.
    pub mirrors: &'a dyn Mirrors,
}

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

/// What is in use. A link that is gone although there was one is damage, and no first install.
pub(super) fn in_use(gateway: &Gateway) -> Result<Current, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let current = generation::current(files, state).map_err(RunError::Directories)?;
    if current == Current::None && !History::load(files, state).used.is_empty() {
        return Ok(Current::Damaged { why: format!("{state}/current is gone") });
    }
    Ok(current)
}

/// What this gateway knows about itself.
pub(super) fn local<'a>(gateway: &Gateway<'a>) -> Result<Local<'a>, RunError> {
    let Gateway { machine, config, .. } = gateway;
    let network = machine.network.observe().map_err(|error| RunError::Observe(error.into()))?;
    Ok(Local {
        gateway: &config.gateway,
        mesh: &config.mesh,
        identity: gateway.identity,
        policy: &config.policy,
        attached: network.attached,
        addresses: network.addresses,
    })
}
