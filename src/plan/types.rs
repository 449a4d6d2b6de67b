//! What a plan says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::model::Endpoint;
use crate::primitives::{Device, Fingerprint, GatewayNumber, Name};

/// Every choice that is made for a mesh: what comes after only writes it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The name of the mesh.
    pub mesh: Name,
    /// What each gateway does.
    pub gateways: BTreeMap<Name, GatewayPlan>,
}

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
    /// Its one address in the tunnel network.
    pub mesh_address: Ipv4Addr,
    /// The certificates it may present.
    pub certificates: Vec<Fingerprint>,
    /// Its tunnels, in the order of their devices.
    pub tunnels: Vec<Tunnel>,
    /// Its routes to every other LAN, in the order of their destinations.
    pub routes: Vec<Route>,
}

/// One end of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
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

/// A side of the TLS handshake (RFC 8446). Exactly one end of a tunnel is the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsRole {
    /// Waits for the handshake.
    Server,
    /// Begins the handshake.
    Client,
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
