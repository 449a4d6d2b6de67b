//! The OpenVPN configuration of one end of a tunnel (openvpn(8), OpenVPN 2.6 and 2.7).
//!
//! What differs from host to host is not in it: certificate and key, management socket, log and
//! pid file come on the command line, from the service manager of the gateway.

mod grammar;
mod host;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

pub use host::{Host, HostError};

use super::ReadError;
use super::pass::{Reader, Writer};
use crate::primitives::{Device, Fingerprint, Name};

/// What one end of a point-to-point tunnel can say. Everything else that OpenVPN is told is the same
/// for every tunnel and stands in the grammar alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The device, which is there before OpenVPN is.
    pub device: Device,
    /// The address of this end inside the tunnel.
    pub local: IpAddr,
    /// The address of the other end inside the tunnel.
    pub remote: IpAddr,
    /// The MTU of the device, in bytes.
    pub mtu: u16,
    /// What carries the packets of the tunnel.
    pub transport: Transport,
    /// The port this end listens on.
    pub local_port: u16,
    /// Where the other end is reached; `None` where it calls, from wherever it is.
    pub connect: Option<Connect>,
    /// The side of the TLS handshake.
    pub role: Role,
    /// The certificates by which the other end is known.
    pub peer: Certificates,
}

/// What carries the packets of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// UDP over IPv4.
    Udp4,
}

/// Where the other end of a tunnel is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Its address or name.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

/// A side of the TLS handshake (RFC 8446).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Waits for the handshake.
    Server,
    /// Begins the handshake.
    Client,
}

/// The certificates that one gateway may present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificates {
    /// The one that is always there.
    pub current: Fingerprint,
    /// Another one, during a rotation.
    pub next: Option<Fingerprint>,
}

/// The names in the first line, which is for people.
#[derive(Debug, Clone, Copy)]
pub struct Title<'a> {
    /// The mesh.
    pub mesh: &'a Name,
    /// The gateway whose file it is.
    pub gateway: &'a Name,
    /// The gateway at the other end.
    pub peer: &'a Name,
}

impl Config {
    /// The whole file.
    #[must_use]
    pub fn write(&self, title: &Title<'_>) -> String {
        let Title { mesh, gateway, peer } = title;
        let mut text = format!(
            "# Mesh {mesh}: the tunnel from {gateway} to {peer}.\n\
             # Made by `tieline build`: change mesh.yaml, not this file.\n"
        );
        let Ok(_) = grammar::config(&mut Writer { value: self, text: &mut text });
        text
    }
}

/// Reads a file that [`Config::write`] wrote, in this version or in one that says the same to
/// OpenVPN under other comments.
///
/// # Errors
///
/// Any directive that is not written so, there and in these words, is an error with its line.
pub fn read(content: &[u8]) -> Result<Config, ReadError> {
    Reader::read(content, false, |reader| grammar::config(reader))
}

/// As the directive `proto` has it.
impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Udp4 => "udp4",
        })
    }
}

impl FromStr for Transport {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Udp4].into_iter().find(|transport| transport.to_string() == text).ok_or(())
    }
}

/// As the directives `tls-server` and `tls-client` have it.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Server, Self::Client].into_iter().find(|role| role.to_string() == text).ok_or(())
    }
}
