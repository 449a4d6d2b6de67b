//! The graph: what a plan says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::model::Endpoint;
use crate::primitives::{Device, Fingerprint, GatewayNumber, Name};

/// Every choice that is made for a mesh: what comes after only writes it down.
///
/// A mesh of a thousand gateways has half a million tunnels, so parts are known by their place in
/// these lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The name of the mesh.
    pub mesh: Name,
    /// Its LANs, by name.
    pub lans: Vec<Name>,
    /// Its gateways, in order of number.
    pub gateways: Vec<Gateway>,
    /// Its tunnels, in the order of the numbers of their ends.
    pub tunnels: Vec<Tunnel>,
    pub(super) by_name: BTreeMap<Name, GatewayIndex>,
}

/// The place of a LAN in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LanIndex(pub(super) usize);

/// The place of a gateway in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GatewayIndex(pub(super) usize);

/// The place of a tunnel in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TunnelIndex(pub(super) usize);

/// A gateway: a node of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: Name,
    /// Its number from mesh.lock.
    pub number: GatewayNumber,
    /// Its LAN.
    pub lan: LanIndex,
    /// Its own address inside its LAN: the source of what it sends itself.
    pub address: IpAddr,
    /// The certificates it may present.
    pub certificates: Vec<Fingerprint>,
    /// Its ways into an underlay, at least one. The first has the number of the gateway.
    pub uplinks: Vec<Uplink>,
    /// Its tunnels and which side of each it has, in the order of the plan, which is that of its
    /// devices.
    pub tunnels: Vec<(TunnelIndex, Side)>,
    /// Where it sends what is for other LANs, in the order of destinations and then of metrics.
    pub next_hops: Vec<NextHop>,
}

/// A gateway's way into an underlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// Its number, of the same space as the numbers of gateways.
    pub number: GatewayNumber,
    /// Its address in the tunnel network: no two tunnels of a gateway have the same pair of
    /// addresses.
    pub mesh_address: Ipv4Addr,
    /// Where others reach it; `None` behind NAT.
    pub endpoint: Option<Endpoint>,
}

/// A tunnel: an edge of the graph. Its ends agree because both are written down here, and nowhere
/// else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tunnel {
    /// The end with the lower number, and the other one.
    pub ends: [End; 2],
    /// The MTU of both devices, in bytes.
    pub mtu: u16,
}

/// One of the two sides of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end with the lower number.
    Lower,
    /// The end with the higher number.
    Higher,
}

/// One end of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The gateway.
    pub gateway: GatewayIndex,
    /// Which of its uplinks, counted from 0.
    pub uplink: usize,
    /// The device there.
    pub device: Device,
    /// The UDP port it listens on.
    pub port: u16,
    /// Which side of the TLS handshake it takes.
    pub role: TlsRole,
}

/// A side of the TLS handshake (RFC 8446). Exactly one end of a tunnel is the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsRole {
    /// Waits for the handshake.
    Server,
    /// Begins the handshake.
    Client,
}

/// Where a gateway sends what is for one prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextHop {
    /// The prefix.
    pub to: IpNet,
    /// Among several next hops to one prefix, the one with the lowest metric is used.
    pub metric: u32,
    /// The tunnel that leads there.
    pub tunnel: TunnelIndex,
    /// The LAN that the prefix belongs to.
    pub owner: LanIndex,
    /// Why this way.
    pub reason: Reason,
}

/// Why a next hop is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The tunnel ends in the LAN that the prefix belongs to.
    Direct,
}

impl Plan {
    /// The gateway called `name`.
    #[must_use]
    pub fn gateway(&self, name: &str) -> Option<GatewayIndex> {
        self.by_name.get(name).copied()
    }

    /// Every gateway, by name.
    pub fn gateways_by_name(&self) -> impl Iterator<Item = (&Name, GatewayIndex)> {
        self.by_name.iter().map(|(name, index)| (name, *index))
    }
}

impl Side {
    /// The end on this side.
    #[must_use]
    pub fn near(self, tunnel: &Tunnel) -> &End {
        let [lower, higher] = &tunnel.ends;
        match self {
            Self::Lower => lower,
            Self::Higher => higher,
        }
    }

    /// The end on the other side.
    #[must_use]
    pub fn far(self, tunnel: &Tunnel) -> &End {
        match self {
            Self::Lower => Self::Higher.near(tunnel),
            Self::Higher => Self::Lower.near(tunnel),
        }
    }
}
