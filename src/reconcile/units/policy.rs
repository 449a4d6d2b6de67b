//! Local policy: what even a validly signed bundle may not do here, and what that depends on.
//!
//! Whatever Tieline itself does not write is refused. So a stolen release key can redirect
//! the mesh, which is bad enough, but it cannot run a program, read a file or touch the rest of
//! the host.

pub(super) mod addresses;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use camino::Utf8PathBuf;
use ipnet::IpNet;

use crate::host::RouteKey;
use crate::primitives::{ArtifactPath, ArtifactSet, Device, Fingerprint, Name};
use crate::reconcile::config::Policy;

/// What a bundle may not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// A line of a configuration file that is not one of those Tieline writes.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The file in the bundle.
        file: ArtifactPath,
        /// The line, from 1.
        line: usize,
        /// Which rule it breaks.
        problem: String,
    },
    /// A configuration file that is one, and about something else than bundle.json has it.
    #[error("{file} is about {what}, unlike bundle.json")]
    Contradicts {
        /// The file in the bundle.
        file: ArtifactPath,
        /// What it is about.
        what: String,
    },
    /// A port that no process without privileges can use.
    #[error("{file} has the port {port}, and OpenVPN has no privilege to use it")]
    Port {
        /// The file in the bundle.
        file: ArtifactPath,
        /// The port.
        port: u16,
    },
    /// A tunnel whose file is not where the service manager looks for it.
    #[error("tunnel {device} has the file {file} instead of openvpn/{device}.conf")]
    Place {
        /// The tunnel.
        device: Device,
        /// Where its file is.
        file: ArtifactPath,
    },
    /// A file that is not in the bundle.
    #[error("the bundle lacks its file {file}")]
    NoFile {
        /// The file.
        file: ArtifactPath,
    },
    /// A kernel setting with a value other than those Tieline writes.
    #[error("the kernel setting {name} may become 1, and not {value:?}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// The value.
        value: String,
    },
    /// An MTU that IP cannot work with.
    #[error("tunnel {device} has an MTU of {mtu}; from 576 to 9000 is allowed")]
    Mtu {
        /// The tunnel.
        device: Device,
        /// Its MTU, in bytes.
        mtu: u16,
    },
    /// A route through a tunnel that is not in the bundle.
    #[error("the route to {to} leads through {device}, which is no tunnel of the bundle")]
    NoDevice {
        /// Its destination.
        to: IpNet,
        /// The device.
        device: Device,
    },
    /// An address or destination that is nobody's to route.
    #[error("{what} is {kind}, which no gateway.yaml can allow")]
    Special {
        /// What it is about.
        what: String,
        /// What the address is.
        kind: &'static str,
    },
    /// An address or destination outside the allowed networks.
    #[error("{what} is outside policy.allowed_networks of {file} ({allowed})")]
    Outside {
        /// What it is about.
        what: String,
        /// The gateway.yaml that has the rule.
        file: Utf8PathBuf,
        /// The networks that are allowed.
        allowed: String,
    },
    /// An address or destination in a network of this host.
    #[error(
        "{what} is in {attached}, which this gateway is attached to: its own networks are not to \
         come from afar"
    )]
    Attached {
        /// What it is about.
        what: String,
        /// The network.
        attached: IpNet,
    },
    /// Two addresses of which one is of IPv4 and one of IPv6.
    #[error("{what} has the {address_of} address {address}, which is of the other family of IP")]
    Family {
        /// What it is about.
        what: String,
        /// What the address is there for.
        address_of: &'static str,
        /// The address.
        address: IpAddr,
    },
    /// An IPv6 route through a tunnel without IPv6 addresses.
    #[error("the route to {to} leads through {device}, which carries no IPv6")]
    NoIpv6 {
        /// Its destination.
        to: IpNet,
        /// The device.
        device: Device,
    },
    /// A route that somebody else has.
    #[error(
        "the route to {to} is there already, and is not ours: {by}; remove it, give it another metric, \
         or take {to} out of mesh.yaml"
    )]
    Occupied {
        /// Its destination.
        to: IpNet,
        /// How theirs leads there.
        by: String,
    },
    /// A source address that this host does not have.
    #[error(
        "the route to {to} has the source address {source_address}, which is no address of this host: correct `address` in mesh.yaml, or the network of this host"
    )]
    Source {
        /// Its destination.
        to: IpNet,
        /// The address.
        source_address: IpAddr,
    },
}

/// What this gateway knows about itself, and no release can tell it.
#[derive(Debug, Clone)]
pub struct Local<'a> {
    /// Its name.
    pub gateway: &'a Name,
    /// The name of its mesh.
    pub mesh: &'a Name,
    /// The fingerprint of its certificate.
    pub identity: Fingerprint,
    /// What it allows.
    pub policy: &'a Policy,
    /// The networks it is attached to, tunnels aside.
    pub attached: BTreeSet<IpNet>,
    /// Its addresses, tunnels aside.
    pub addresses: BTreeSet<IpAddr>,
    /// Routes of its main table that are not ours, in words.
    pub foreign_routes: BTreeMap<RouteKey, String>,
}

/// A file of a bundle.
pub(super) fn content<'a>(
    files: &'a ArtifactSet,
    file: &ArtifactPath,
) -> Result<&'a [u8], Forbidden> {
    files.get(file).ok_or_else(|| Forbidden::NoFile { file: file.clone() })
}
