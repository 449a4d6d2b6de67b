//! Which addresses there are to give away.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::{Topology, TopologyError};
use crate::model::{Endpoint, Gateway, Lan, Mesh};

/// The lab's own part of the internet: benchmark addresses (RFC 2544, appendix C.2.2), which are
/// nobody's.
pub(super) const INTERNET: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);

/// Addresses of [`INTERNET`] that nobody has yet.
pub(super) struct Pool {
    taken: BTreeSet<Ipv4Addr>,
    forbidden: Vec<IpNet>,
}

impl Pool {
    /// What `mesh` and the lab before leave free.
    pub(super) fn new(mesh: &Mesh, before: Option<&Topology>) -> Self {
        let endpoints = mesh.gateways().filter_map(|(_, gateway)| match gateway.endpoint {
            Some(Endpoint::Address(IpAddr::V4(address))) => Some(address),
            _ => None,
        });
        let mut taken: BTreeSet<_> = endpoints.collect();
        if let Some(before) = before {
            taken.insert(before.git);
            taken.extend(before.gateways.values().map(|site| site.underlay.on_internet()));
        }
        Self { taken, forbidden: networks(mesh).collect() }
    }

    /// Gives an address away, to `whom`.
    pub(super) fn take(&mut self, whom: &str) -> Result<Ipv4Addr, TopologyError> {
        let free = INTERNET.hosts().find(|&address| {
            let outside = |network: &IpNet| !network.contains(&IpAddr::V4(address));
            !self.taken.contains(&address) && self.forbidden.iter().all(outside)
        });
        let address = free.ok_or_else(|| TopologyError::NoAddress { whom: whom.to_owned() })?;
        self.taken.insert(address);
        Ok(address)
    }
}

/// Every network that the mesh itself uses.
pub(super) fn networks(mesh: &Mesh) -> impl Iterator<Item = IpNet> {
    let lans = mesh.lans.values().flat_map(|lan| lan.networks.iter().copied());
    lans.chain([IpNet::V4(mesh.tunnels.network)])
}

/// The gateway's own address in the prefix that has it, the first address in every other.
pub(super) fn gateway_addresses(lan: &Lan, gateway: &Gateway) -> Vec<IpNet> {
    let own = IpAddr::V4(gateway.address);
    let in_prefix = |prefix: &IpNet| {
        let address = if prefix.contains(&own) { Some(own) } else { prefix.hosts().next() };
        address.and_then(|address| IpNet::new(address, prefix.prefix_len()).ok())
    };
    lan.networks.iter().filter_map(in_prefix).collect()
}

/// The address after `taken` in its prefix, or else the first of the prefix that is another.
pub(super) fn beside(taken: IpNet) -> Option<IpNet> {
    let prefix = taken.trunc();
    let usable = |&address: &IpAddr| {
        let whole = prefix.prefix_len() + 1 >= prefix.max_prefix_len();
        prefix.contains(&address) && (whole || address != prefix.broadcast())
    };
    let after = match taken.addr() {
        IpAddr::V4(address) => address.to_bits().checked_add(1).map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(address) => address.to_bits().checked_add(1).map(|bits| IpAddr::V6(bits.into())),
    };
    let other = || prefix.hosts().take(2).find(|&address| address != taken.addr());
    let address = after.filter(usable).or_else(other)?;
    IpNet::new(address, prefix.prefix_len()).ok()
}
