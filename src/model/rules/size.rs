//! The tunnel network has an address, and the port range a port, for every gateway.

use crate::model::draft::Draft;
use crate::model::mesh::TunnelRange;
use crate::model::places::Places;
use crate::model::room;
use crate::spec::Finding;

/// Here only the count of the gateways is known. Their numbers, which are higher where gateways
/// were removed, are judged when mesh.lock has been read.
pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    let (Some(network), Some(ports)) = (draft.network, draft.ports) else { return };
    let tunnels = TunnelRange {
        network: network.value,
        first_port: ports.value.first,
        last_port: ports.value.last,
    };
    let count = u32::try_from(draft.gateways().count()).unwrap_or(u32::MAX);
    let problems = room::check(&tunnels, count);
    let places = Places::of(draft);
    findings.extend(problems.into_iter().map(|problem| problem.finding(&places)));
}
