//! The plan of one gateway: what it has to know of the graph, and no more.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::graph::{Gateway, GatewayIndex, LanIndex, NextHop, Plan, Side, TlsRole, TunnelIndex};
use crate::model::Endpoint;
use crate::primitives::{Device, Fingerprint, GatewayNumber, Name};

/// What one gateway does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPlan {
    /// The name of the mesh.
    pub mesh: Name,
    /// The gateway.
    pub name: Name,
    /// Its number from mesh.lock.
    pub number: GatewayNumber,
    /// Its LAN.
    pub lan: Name,
    /// Its first address in the tunnel network, by which it is known.
    pub mesh_address: Ipv4Addr,
    /// The certificates it may present.
    pub certificates: Vec<Fingerprint>,
    /// Its tunnels, in the order of their devices.
    pub tunnels: Vec<GatewayTunnel>,
    /// Its routes to every other LAN, in the order of their destinations.
    pub routes: Vec<Route>,
}

/// A tunnel as one of its ends knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayTunnel {
    /// The device of this end.
    pub device: Device,
    /// The gateway at the other end.
    pub peer: Name,
    /// Which side of the TLS handshake this end takes.
    pub role: TlsRole,
    /// Mesh address of this end.
    pub local: IpAddr,
    /// Mesh address of the other end.
    pub remote: IpAddr,
    /// The UDP port this end listens on.
    pub local_port: u16,
    /// Where the other end is reached; `None` where it is behind NAT and calls us.
    pub connect: Option<Connect>,
    /// What the other end may present.
    pub peer_certificates: Vec<Fingerprint>,
    /// The MTU of the device, in bytes.
    pub mtu: u16,
}

/// The underlay address and UDP port of the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Address or DNS name.
    pub endpoint: Endpoint,
    /// UDP port.
    pub port: u16,
}

/// A route to one prefix of another LAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The prefix.
    pub to: IpNet,
    /// The tunnel that leads there.
    pub device: Device,
    /// The source address for what the gateway itself sends: its address in its own LAN.
    pub source: IpAddr,
}

impl Plan {
    /// The plan of every gateway, by name, each made when it is asked for.
    pub fn views(&self) -> impl Iterator<Item = GatewayPlan> {
        self.gateways_by_name().filter_map(|(_, index)| self.view(index))
    }

    /// The plan of one gateway. `None` only for an index of another plan.
    #[must_use]
    pub fn view(&self, gateway: GatewayIndex) -> Option<GatewayPlan> {
        let own = self.gateways.get(gateway.0)?;
        let tunnels = own.tunnels.iter().filter_map(|(index, side)| self.tunnel(*index, *side));
        let routes = own.next_hops.iter().filter_map(|hop| self.route(own, hop));
        Some(GatewayPlan {
            mesh: self.mesh.clone(),
            name: own.name.clone(),
            number: own.number,
            lan: self.lan(own.lan)?.clone(),
            mesh_address: own.uplinks.first()?.mesh_address,
            certificates: own.certificates.clone(),
            tunnels: tunnels.collect(),
            routes: routes.collect(),
        })
    }

    fn lan(&self, LanIndex(lan): LanIndex) -> Option<&Name> {
        self.lans.get(lan)
    }

    fn tunnel(&self, TunnelIndex(index): TunnelIndex, side: Side) -> Option<GatewayTunnel> {
        let tunnel = self.tunnels.get(index)?;
        let (near, far) = (side.near(tunnel), side.far(tunnel));
        let peer = self.gateways.get(far.gateway.0)?;
        let uplink = self.gateways.get(near.gateway.0)?.uplinks.get(near.uplink)?;
        let far_uplink = peer.uplinks.get(far.uplink)?;
        let connect = |endpoint| Connect { endpoint, port: far.port };
        Some(GatewayTunnel {
            device: near.device,
            peer: peer.name.clone(),
            role: near.role,
            local: uplink.mesh_address.into(),
            remote: far_uplink.mesh_address.into(),
            local_port: near.port,
            connect: far_uplink.endpoint.clone().map(connect),
            peer_certificates: peer.certificates.clone(),
            mtu: tunnel.mtu,
        })
    }

    fn route(&self, own: &Gateway, hop: &NextHop) -> Option<Route> {
        // A gateway has its tunnels in the order of the plan.
        let place = own.tunnels.binary_search_by_key(&hop.tunnel, |(index, _)| *index).ok()?;
        let (_, side) = own.tunnels.get(place)?;
        let device = side.near(self.tunnels.get(hop.tunnel.0)?).device;
        Some(Route { to: hop.to, device, source: own.address })
    }
}
