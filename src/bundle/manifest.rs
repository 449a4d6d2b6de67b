//! `bundle.json`: what a bundle is, for whom, and what a gateway is to do with its files.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::primitives::{ArtifactPath, Device, Digest, Fingerprint, Name};

/// The manifest of a bundle, its first file.
///
/// Format 1 is written and read by Tieline 0.1. A gateway refuses formats it does not know, and fields
/// it does not know: what it is told to do it does whole, or not at all. A bundle names the lowest
/// format that says all it needs, so that a newer Tieline reaches older gateways for as long as it
/// can (docs/adr/0025).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The lowest format that a reader must know: 1.
    pub format: u32,
    /// The mesh it belongs to.
    pub mesh: Name,
    /// The gateway it was made for; every other one refuses it.
    pub gateway: Name,
    /// The certificates the gateway may have: the one it has must be among them.
    pub identity: Vec<Fingerprint>,
    /// Every other file of the bundle.
    pub files: BTreeMap<ArtifactPath, FileEntry>,
    /// What the gateway is to set up, in this order.
    pub units: Vec<Unit>,
}

/// One file of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// One thing for a gateway to set up. There is no unit that runs a command, on purpose: a
/// signature must never become a remote root shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Unit {
    /// Kernel settings that forwarding between tunnels needs.
    Sysctl {
        /// Value by setting.
        #[schemars(extend("propertyNames" = { "enum": ["net.ipv4.ip_forward"] }))]
        settings: BTreeMap<Sysctl, String>,
    },
    /// The nftables table `inet tieline`; no other table is touched.
    Nftables {
        /// A ruleset that replaces this table atomically.
        file: ArtifactPath,
    },
    /// One tunnel: its device, and the OpenVPN process behind it.
    Tunnel {
        /// The device.
        device: Device,
        /// The gateway at the far end.
        peer: Name,
        /// Our mesh address.
        local: IpAddr,
        /// The far end's mesh address.
        remote: IpAddr,
        /// The MTU of the device, in bytes.
        mtu: u16,
        /// The configuration of OpenVPN.
        file: ArtifactPath,
    },
    /// The routes to every other LAN. A unit of its own, so that a change of routes restarts
    /// no tunnel.
    Routes {
        /// The routes, in the order of their destinations.
        routes: Vec<Route>,
    },
    /// A kind that only tests have: a daemon behind a device.
    #[cfg(test)]
    Relay {
        /// The device it needs.
        device: Device,
        /// Its configuration.
        file: ArtifactPath,
    },
}

/// A route to one prefix of another LAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The prefix.
    #[schemars(with = "String")]
    pub to: IpNet,
    /// The tunnel that leads there.
    pub device: Device,
    /// The source address of what the gateway itself sends there.
    pub source: IpAddr,
}

/// The kernel settings a bundle may ask for (Linux Documentation/networking/ip-sysctl.rst), and
/// no others: some settings elsewhere run programs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Sysctl {
    /// Forward IPv4 packets between interfaces.
    #[serde(rename = "net.ipv4.ip_forward")]
    Ip4Forward,
}

impl Sysctl {
    /// Every setting there is.
    pub const ALL: [Self; 1] = [Self::Ip4Forward];

    /// What the kernel calls it, as sysctl(8) writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ip4Forward => "net.ipv4.ip_forward",
        }
    }
}

impl Manifest {
    /// The mesh addresses that it shows, by gateway: the gateway's own and those at its tunnels'
    /// far ends.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<Name, BTreeSet<IpAddr>> {
        let mut addresses: BTreeMap<Name, BTreeSet<IpAddr>> = BTreeMap::new();
        for unit in &self.units {
            if let Unit::Tunnel { peer, local, remote, .. } = unit {
                addresses.entry(self.gateway.clone()).or_default().insert(*local);
                addresses.entry(peer.clone()).or_default().insert(*remote);
            }
        }
        addresses
    }

    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    /// Where the manifest stands in the bundle: before everything else.
    pub const PATH: &'static str = "bundle.json";

    /// The manifest as it stands in a bundle. There is one spelling of it, and
    /// [`unpack`](super::unpack) takes no other.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Serialising these types cannot fail: text keys only, no floating-point numbers.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }
}
