//! The kernel's network: tunnel devices, routes, the nftables table, settings.

mod foreign;
mod iproute;
mod netlink;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use camino::Utf8Path;
use ipnet::IpNet;

use super::{FileError, ProcessError};
use crate::primitives::{Device, Digest};

pub use iproute::KernelNetwork;

/// The network of this host. Looking spawns no process; changing may.
pub trait Network {
    /// What there is.
    fn observe(&self) -> Result<NetworkState, NetworkError>;

    /// Makes a persistent tun device that `link` describes, or makes the one there the same. It is
    /// guarded before it comes up.
    fn set_link(&self, device: Device, link: &Link) -> Result<(), NetworkError>;

    /// Keeps a tunnel's device from IPv6 that nobody gave it ([`Ipv6::of`]), and takes away what it has
    /// of that. It interrupts nothing.
    fn guard_link(&self, device: Device, link: &Link) -> Result<(), NetworkError>;

    /// Removes a tunnel's device, and with it its addresses and routes; none there is fine.
    fn remove_link(&self, device: Device) -> Result<(), NetworkError>;

    /// Adds a route, or changes ours to the same destination with the same metric. Somebody else's
    /// stays, and is an error.
    fn set_route(&self, route: RouteKey, via: &Via) -> Result<(), NetworkError>;

    /// Removes our route through `device`; none there is fine.
    fn remove_route(&self, route: RouteKey, device: Device) -> Result<(), NetworkError>;

    /// Loads an nftables ruleset from a file, all of it or nothing.
    fn load_ruleset(&self, file: &Utf8Path) -> Result<(), NetworkError>;

    /// Removes the nftables table `inet tieline`; none there is fine.
    fn remove_table(&self) -> Result<(), NetworkError>;

    /// The value of a kernel setting, such as `net.ipv4.ip_forward`.
    fn setting(&self, name: &str) -> Result<String, NetworkError>;

    /// Changes a kernel setting.
    fn set_setting(&self, name: &str, value: &str) -> Result<(), NetworkError>;
}

/// The protocol number our routes carry (rtnetlink(7), `rtm_protocol`): whoever looks at the
/// routing table sees whose they are, and we never touch another's.
pub const ROUTE_PROTOCOL: u8 = 84;

/// Devices, routes and addresses as the kernel has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkState {
    /// Every tunnel device. `None` where something else has the name of one.
    pub links: BTreeMap<Device, Option<Link>>,
    /// What each of them makes of IPv6.
    pub ipv6: BTreeMap<Device, Ipv6>,
    /// What has gone through each of them.
    pub traffic: BTreeMap<Device, Traffic>,
    /// Our routes: those with [`ROUTE_PROTOCOL`] through a tunnel device.
    pub routes: BTreeMap<RouteKey, Via>,
    /// Everybody else's routes of the main table, each with the words of ip-route(8) for the rest of it.
    pub foreign_routes: BTreeMap<RouteKey, String>,
    /// What the nftables table `inet tieline` is, if there is one: another digest after every
    /// change, whoever makes it, and the same one as long as nobody does.
    pub table: Option<Digest>,
    /// The networks that devices other than tunnels are attached to.
    pub attached: BTreeSet<IpNet>,
    /// The far ends of tun devices with other names, each with the user who may attach to the device. Of
    /// our own user it is a tunnel's device that somebody has renamed.
    pub other_tuns: BTreeSet<(u32, IpNet)>,
    /// The addresses of this host, those of tunnels aside.
    pub addresses: BTreeSet<IpAddr>,
}

/// A kind of device (ip-link(8), `type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinkKind {
    /// A persistent tun device, for a process to attach to.
    #[default]
    Tun,
}

/// A tunnel device that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What kind of device it is.
    pub kind: LinkKind,
    /// Our address on it.
    pub local: IpAddr,
    /// The address of the far end.
    pub remote: IpAddr,
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// The user id that may attach to it.
    pub owner: u32,
}

/// What a device makes of IPv6 (ip-sysctl of the kernel's documentation, `conf/interface`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ipv6 {
    /// Whether it carries any.
    pub carried: bool,
    /// Whether it makes addresses of its own, or takes addresses and routes from what comes through
    /// it, or has such an address or route: anybody at the far end can send a router advertisement.
    pub autonomous: bool,
}

impl Ipv6 {
    /// What `link` may make of it: it carries IPv6 where it was given an address, and learns nothing.
    #[must_use]
    pub fn of(link: &Link) -> Self {
        Self { carried: link.local.is_ipv6(), autonomous: false }
    }
}

/// What has gone through a device since it was made, as the kernel counts it: packets inside the
/// tunnel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the far end.
    pub received: u64,
    /// Bytes to it.
    pub sent: u64,
}

/// What the kernel knows a route of the main table by: no two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteKey {
    /// The destination.
    pub to: IpNet,
    /// Among several routes to one destination the kernel takes the one with the lowest metric. 0 is
    /// what it takes for a route that says none (ip-route(8)).
    pub metric: u32,
}

/// How a route leads to its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// Through which tunnel.
    pub device: Device,
    /// The source address of what this host itself sends there.
    pub source: IpAddr,
}

/// What the network did not do.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The kernel's tables could not be read.
    #[error("cannot read the kernel's {table}")]
    Read {
        /// Which table.
        table: &'static str,
        /// What the kernel says.
        source: std::io::Error,
    },
    /// A program that changes something failed.
    #[error("cannot {action}")]
    Command {
        /// What was tried, as a verb.
        action: &'static str,
        /// What the program says.
        source: ProcessError,
    },
    /// A route is somebody else's.
    #[error("the route to {route} is there already, and is not ours: {by}")]
    Occupied {
        /// The route.
        route: RouteKey,
        /// How theirs leads there.
        by: String,
    },
    /// A setting could not be read or written.
    #[error("cannot {action} the kernel setting {name}")]
    Setting {
        /// What was tried, as a verb.
        action: &'static str,
        /// The setting.
        name: String,
        /// Why not.
        source: FileError,
    },
}

impl From<IpNet> for RouteKey {
    fn from(to: IpNet) -> Self {
        Self { to, metric: 0 }
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to)?;
        if self.metric == 0 { Ok(()) } else { write!(f, " metric {}", self.metric) }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dev {} src {}", self.device, self.source)
    }
}
