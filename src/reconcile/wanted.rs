//! What a generation asks of this host, unit by unit.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::bundle::{Manifest, Sysctl, Unit};
use crate::host::{Link, Via};
use crate::primitives::{ArtifactPath, Device, Digest, Fingerprint, Name};

/// The state of this host that a generation asks for. The default asks for nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Kernel settings.
    pub settings: BTreeMap<Sysctl, String>,
    /// The nftables ruleset.
    pub ruleset: Option<Ruleset>,
    /// The tunnels.
    pub tunnels: BTreeMap<Device, Tunnel>,
    /// The routes.
    pub routes: BTreeMap<IpNet, Via>,
}

/// A ruleset that makes the table `inet tieline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// Its file in the generation.
    pub file: ArtifactPath,
    /// Everything it is made of.
    pub inputs: Digest,
}

/// A tunnel: its device and its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// The gateway at the far end.
    pub peer: Name,
    /// Its device.
    pub link: Link,
    /// Everything its process is made of: another digest needs another process.
    pub inputs: Digest,
}

impl Wanted {
    /// What `manifest` asks for, on a gateway with the certificate `identity` where OpenVPN runs
    /// as the user with the id `owner`.
    #[must_use]
    pub fn of(manifest: &Manifest, identity: &Fingerprint, owner: u32) -> Self {
        let mut wanted = Self::default();
        for unit in &manifest.units {
            // A process holds the key it was started with, and the user it was started as.
            let inputs = manifest.inputs(unit);
            match unit {
                Unit::Sysctl { settings } => wanted.settings.extend(settings.clone()),
                Unit::Nftables { file } => {
                    wanted.ruleset = Some(Ruleset { file: file.clone(), inputs });
                }
                Unit::Tunnel { device, peer, local, remote, mtu, .. } => {
                    let all = format!("{inputs} {identity} {owner}");
                    let link = Link { local: *local, remote: *remote, mtu: u32::from(*mtu), owner };
                    let inputs = Digest::of(all.as_bytes());
                    wanted.tunnels.insert(*device, Tunnel { peer: peer.clone(), link, inputs });
                }
                Unit::Routes { routes } => {
                    wanted.routes.extend(routes.iter().map(|route| {
                        (route.to, Via { device: route.device, source: route.source })
                    }));
                }
            }
        }
        wanted
    }
}
