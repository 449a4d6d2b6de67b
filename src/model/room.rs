//! Whether the tunnel network and the port range have room for the numbers of a mesh.

use super::{NumberProblem, TunnelRange};

/// What is too small for gateway numbers up to `highest`.
pub(super) fn check(tunnels: &TunnelRange, highest: u32) -> Vec<NumberProblem> {
    let mut problems = Vec::new();
    if highest > tunnels.addresses() {
        problems.push(NumberProblem::NetworkTooSmall { network: tunnels.network, highest });
    }
    if highest > tunnels.ports() {
        let (first, last) = (tunnels.first_port, tunnels.last_port);
        problems.push(NumberProblem::PortsTooFew { first, last, highest });
    }
    problems
}
