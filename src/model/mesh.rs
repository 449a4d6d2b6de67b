//! The checked mesh.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::primitives::{Fingerprint, Name, PublicKey};

/// A mesh in which no rule finds an error. Only [`resolve`](super::resolve) makes one from
/// mesh.yaml, so what follows may rely on every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mesh {
    /// What the mesh is called.
    pub name: Name,
    /// The special VPN range, and the UDP ports of the tunnels.
    pub tunnels: TunnelRange,
    /// Every LAN by name.
    pub lans: BTreeMap<Name, Lan>,
}

/// Where mesh addresses and tunnel ports come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelRange {
    /// The tunnel network: gateway n has its n-th address.
    pub network: Ipv4Net,
    /// A gateway listens for peer number n on this port + n.
    pub first_port: u16,
    /// The last port that may be used.
    pub last_port: u16,
}

/// The UDP ports of the tunnels, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortRange {
    pub(super) first: u16,
    pub(super) last: u16,
}

impl TunnelRange {
    /// The highest gateway number that has an address in the tunnel network: neither the address
    /// of the network itself nor its broadcast address is given out.
    #[must_use]
    pub fn addresses(&self) -> u32 {
        let bits = 32 - u32::from(self.network.prefix_len());
        2_u32.checked_pow(bits).map_or(u32::MAX - 1, |all| all.saturating_sub(2))
    }

    /// The highest gateway number that has a port in the range.
    #[must_use]
    pub fn ports(&self) -> u32 {
        u32::from(self.last_port.saturating_sub(self.first_port))
    }
}

/// A private network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lan {
    /// What it is called.
    pub name: Name,
    /// Its prefixes, without overlap, at least one, in the order of mesh.yaml.
    pub networks: Vec<IpNet>,
    /// Its gateways by name; exactly one for now.
    pub gateways: BTreeMap<Name, Gateway>,
}

/// A host that terminates tunnels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// What it is called; no other gateway of the mesh is called the same.
    pub name: Name,
    /// Where others reach it; `None` where nobody can (behind NAT), so that it must initiate.
    pub endpoint: Option<Endpoint>,
    /// Its own address inside its LAN.
    pub address: Ipv4Addr,
    /// The certificates it may present: the current one and, during a rotation, the next.
    pub certificates: Vec<Fingerprint>,
    /// Its X25519 public keys: the current one and, during a rotation, the next. None where it was
    /// enrolled before there were any.
    pub public_keys: Vec<PublicKey>,
}

/// The underlay address or DNS name at which a gateway is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An address.
    Address(IpAddr),
    /// A DNS name, in lower case.
    Host(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Host(host) => f.pad(host),
        }
    }
}

impl Mesh {
    /// Every gateway with its LAN, by name of LAN, then of gateway.
    pub fn gateways(&self) -> impl Iterator<Item = (&Lan, &Gateway)> {
        self.lans.values().flat_map(|lan| lan.gateways.values().map(move |gateway| (lan, gateway)))
    }
}
