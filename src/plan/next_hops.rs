//! Which way packets take.

use std::collections::BTreeMap;

use super::LanIndex;
use super::graph::{Gateway, NextHop, Reason, Side, Tunnel, TunnelIndex};
use crate::model::Lan;

/// The next hops of one gateway: to every prefix of every LAN that a tunnel leads to, through the
/// gateway there with the lowest number. `lans` are those of the mesh, by index.
pub(super) fn next_hops(
    own: &[(TunnelIndex, Side)],
    tunnels: &[Tunnel],
    gateways: &[Gateway],
    lans: &[&Lan],
) -> Vec<NextHop> {
    let mut hops = BTreeMap::new();
    for (index, side) in own {
        let Some(tunnel) = tunnels.get(index.0) else { continue };
        let far = side.far(tunnel).gateway;
        let Some(LanIndex(lan)) = gateways.get(far.0).map(|gateway| gateway.lan) else { continue };
        for to in lans.get(lan).into_iter().flat_map(|lan| &lan.networks) {
            // Tunnels come in order of number: the first one stays.
            hops.entry(*to).or_insert(NextHop {
                to: *to,
                metric: 0,
                tunnel: *index,
                owner: LanIndex(lan),
                reason: Reason::Direct,
            });
        }
    }
    hops.into_values().collect()
}
