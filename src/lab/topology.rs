//! Who has which address in the lab, and who is wired to whom: a pure function of the mesh.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use super::addresses::{INTERNET, Pool, beside, gateway_addresses, networks};
use crate::model::{Endpoint, Gateway, Lan, Mesh};
use crate::primitives::Name;

/// What a provider's NAT may use on its inside; the first that the mesh leaves free is taken.
const NAT_INSIDES: [Ipv4Net; 4] = [
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 30),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 255, 248), 30),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 255, 248), 30),
    Ipv4Net::new_assert(Ipv4Addr::new(10, 255, 255, 248), 30),
];

/// The lab as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// The address of the git server.
    pub git: Ipv4Addr,
    /// Every gateway.
    pub gateways: BTreeMap<Name, GatewaySite>,
    /// One host in every LAN, by the LAN's name.
    pub hosts: BTreeMap<Name, HostSite>,
}

/// A gateway in its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySite {
    /// What it is called.
    pub name: Name,
    /// Its LAN.
    pub lan: Name,
    /// How it is attached to the internet.
    pub underlay: Underlay,
    /// Its addresses in its LAN, one in every prefix, with the prefix's length.
    pub addresses: Vec<IpNet>,
}

/// How a gateway is attached to the internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Underlay {
    /// With an address of its own.
    Public {
        /// The address.
        address: Ipv4Addr,
        /// The DNS name that leads to it.
        host: Option<String>,
    },
    /// Behind a router that lets nobody in.
    Nat {
        /// The address of the router on the internet.
        router: Ipv4Addr,
        /// The router's address on its inside.
        inside: Ipv4Net,
        /// The gateway's address on that inside.
        address: Ipv4Net,
    },
}

/// A host of a LAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSite {
    /// Its LAN.
    pub lan: Name,
    /// The gateway it is wired to.
    pub gateway: Name,
    /// The gateway's address that its default route leads to.
    pub via: Ipv4Addr,
    /// Its addresses, one in every prefix that has room for one, with the prefix's length.
    pub addresses: Vec<IpNet>,
}

/// Why there is no lab for a mesh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// The benchmark addresses are used up, or the mesh itself uses them.
    #[error("no address is left in {INTERNET} for {whom}")]
    NoAddress {
        /// Who needs one.
        whom: String,
    },
    /// A LAN whose prefixes have room for its gateway alone.
    #[error("no prefix of LAN {lan} has room for a host beside gateway {gateway}")]
    NoRoom {
        /// The LAN.
        lan: Name,
        /// Its gateway.
        gateway: Name,
    },
    /// The lab's internet speaks IPv4 only.
    #[error("gateway {gateway} has the endpoint {address}, and the lab's internet is IPv4 only")]
    Ipv6 {
        /// The gateway.
        gateway: Name,
        /// Its endpoint.
        address: Ipv6Addr,
    },
}

impl Underlay {
    /// The address that the rest of the internet sees.
    #[must_use]
    pub fn on_internet(&self) -> Ipv4Addr {
        match *self {
            Self::Public { address, .. } => address,
            Self::Nat { router, .. } => router,
        }
    }
}

impl Topology {
    /// The lab for `mesh`. What `before` has already keeps its addresses, so that a mesh can
    /// change under running tunnels.
    pub fn new(mesh: &Mesh, before: Option<&Self>) -> Result<Self, TopologyError> {
        let mut pool = Pool::new(mesh, before);
        let git = match before {
            Some(before) => before.git,
            None => pool.take("the git server")?,
        };
        let mut topology = Self { git, gateways: BTreeMap::new(), hosts: BTreeMap::new() };
        for lan in mesh.lans.values() {
            for gateway in lan.gateways.values() {
                let known = before.and_then(|before| before.gateways.get(&gateway.name));
                let underlay = underlay(mesh, gateway, known, &mut pool)?;
                let site = GatewaySite {
                    name: gateway.name.clone(),
                    lan: lan.name.clone(),
                    underlay,
                    addresses: gateway_addresses(lan, gateway),
                };
                topology.gateways.insert(gateway.name.clone(), site);
            }
            if let Some(gateway) = lan.gateways.values().next() {
                topology.hosts.insert(lan.name.clone(), host(lan, gateway)?);
            }
        }
        Ok(topology)
    }

    /// The lines of `/etc/hosts` inside the lab: every name that is an endpoint.
    #[must_use]
    pub fn hosts_file(&self) -> String {
        let mut text = String::from("127.0.0.1 localhost\n::1 localhost\n");
        for site in self.gateways.values() {
            if let Underlay::Public { address, host: Some(host) } = &site.underlay {
                text.extend([&address.to_string(), " ", host, "\n"]);
            }
        }
        text
    }
}

fn underlay(
    mesh: &Mesh,
    gateway: &Gateway,
    known: Option<&GatewaySite>,
    pool: &mut Pool,
) -> Result<Underlay, TopologyError> {
    let known = known.map(|site| &site.underlay);
    match &gateway.endpoint {
        Some(Endpoint::Address(IpAddr::V6(address))) => {
            Err(TopologyError::Ipv6 { gateway: gateway.name.clone(), address: *address })
        }
        Some(Endpoint::Address(IpAddr::V4(address))) => {
            Ok(Underlay::Public { address: *address, host: None })
        }
        Some(Endpoint::Host(name)) => match known {
            Some(Underlay::Public { address, host: Some(_) }) => {
                Ok(Underlay::Public { address: *address, host: Some(name.clone()) })
            }
            _ => Ok(Underlay::Public {
                address: pool.take(&format!("gateway {}", gateway.name))?,
                host: Some(name.clone()),
            }),
        },
        None => match known {
            Some(underlay @ Underlay::Nat { .. }) => Ok(underlay.clone()),
            _ => nat(mesh, pool, &gateway.name),
        },
    }
}

fn nat(mesh: &Mesh, pool: &mut Pool, gateway: &Name) -> Result<Underlay, TopologyError> {
    let no_address = || TopologyError::NoAddress { whom: format!("the router before {gateway}") };
    let free = |inside: &&Ipv4Net| {
        let inside = IpNet::V4(**inside);
        networks(mesh).all(|network| !network.contains(&inside) && !inside.contains(&network))
    };
    let network = NAT_INSIDES.iter().find(free).ok_or_else(no_address)?;
    let mut addresses = network.hosts();
    let (Some(inside), Some(address)) = (addresses.next(), addresses.next()) else {
        return Err(no_address());
    };
    let with_length =
        |address| Ipv4Net::new(address, network.prefix_len()).map_err(|_| no_address());
    Ok(Underlay::Nat {
        router: pool.take(&format!("the router before {gateway}"))?,
        inside: with_length(inside)?,
        address: with_length(address)?,
    })
}

/// In every prefix the address after the gateway's, or else the first that is not the gateway's.
fn host(lan: &Lan, gateway: &Gateway) -> Result<HostSite, TopologyError> {
    let addresses: Vec<_> =
        gateway_addresses(lan, gateway).into_iter().filter_map(beside).collect();
    if addresses.is_empty() {
        let (lan, gateway) = (lan.name.clone(), gateway.name.clone());
        return Err(TopologyError::NoRoom { lan, gateway });
    }
    Ok(HostSite {
        lan: lan.name.clone(),
        gateway: gateway.name.clone(),
        via: gateway.address,
        addresses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TunnelRange;

    fn mesh(lans: &[(&str, &[&str], &str, &str)]) -> Mesh {
        let lan = |&(name, networks, address, endpoint): &(&str, &[&str], &str, &str)| {
            let name: Name = name.parse().unwrap();
            let gateway = Gateway {
                name: format!("{name}-gw").parse().unwrap(),
                endpoint: match endpoint {
                    "none" => None,
                    text => Some(match text.parse() {
                        Ok(address) => Endpoint::Address(address),
                        Err(_) => Endpoint::Host(text.to_owned()),
                    }),
                },
                address: address.parse().unwrap(),
                certificates: Vec::new(),
                public_keys: Vec::new(),
            };
            let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
            let gateways = BTreeMap::from([(gateway.name.clone(), gateway)]);
            (name.clone(), Lan { name, networks, gateways })
        };
        Mesh {
            name: "test".parse().unwrap(),
            tunnels: TunnelRange {
                network: "172.19.0.0/16".parse().unwrap(),
                first_port: 11000,
                last_port: 11999,
            },
            lans: lans.iter().map(lan).collect(),
        }
    }

    const TWO: &[(&str, &[&str], &str, &str)] = &[
        ("a", &["192.168.1.0/24", "192.168.2.0/24"], "192.168.1.1", "a.example.net"),
        ("b", &["10.1.0.0/16"], "10.1.255.254", "203.0.113.7"),
    ];

    #[test]
    fn has_an_address_in_every_prefix() {
        let topology = Topology::new(&mesh(TWO), None).unwrap();
        let text = |addresses: &[IpNet]| {
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(&topology.gateways["a-gw"].addresses), "192.168.1.1/24 192.168.2.1/24");
        assert_eq!(text(&topology.hosts["a"].addresses), "192.168.1.2/24 192.168.2.2/24");
        // Nothing lies behind the last address of a prefix, so the host takes the first.
        assert_eq!(text(&topology.hosts["b"].addresses), "10.1.0.1/16");
    }

    #[test]
    fn names_get_addresses_and_addresses_stay() {
        let topology = Topology::new(&mesh(TWO), None).unwrap();
        assert_eq!(topology.git.to_string(), "198.18.0.1");
        assert!(topology.hosts_file().ends_with("198.18.0.2 a.example.net\n"));
        let literal = Underlay::Public { address: "203.0.113.7".parse().unwrap(), host: None };
        assert_eq!(topology.gateways["b-gw"].underlay, literal);
    }

    #[test]
    fn keeps_its_addresses_when_the_mesh_grows() {
        let before = Topology::new(&mesh(TWO), None).unwrap();
        let mut lans = vec![("0", &["10.9.0.0/24"] as &[_], "10.9.0.1", "new.example.net")];
        lans.extend_from_slice(TWO);
        let after = Topology::new(&mesh(&lans), Some(&before)).unwrap();
        assert_eq!(after.git, before.git);
        for (name, site) in &before.gateways {
            assert_eq!(after.gateways[name.as_str()], *site);
        }
        assert!(after.hosts_file().contains("198.18.0.3 new.example.net\n"));
    }

    #[test]
    fn nat_avoids_what_the_mesh_uses() {
        let lans: &[(&str, &[&str], &str, &str)] =
            &[("a", &["100.64.0.0/10"], "100.64.0.1", "none")];
        let topology = Topology::new(&mesh(lans), None).unwrap();
        let Underlay::Nat { router, inside, address } = &topology.gateways["a-gw"].underlay else {
            panic!("{topology:?}");
        };
        assert_eq!(router.to_string(), "198.18.0.2");
        assert_eq!(inside.to_string(), "192.168.255.249/30");
        assert_eq!(address.to_string(), "192.168.255.250/30");
    }

    #[test]
    fn says_where_no_host_fits() {
        let lans: &[(&str, &[&str], &str, &str)] = &[("a", &["10.1.1.1/32"], "10.1.1.1", "none")];
        let error = Topology::new(&mesh(lans), None).unwrap_err();
        assert!(matches!(error, TopologyError::NoRoom { .. }), "{error}");
        let lans: &[(&str, &[&str], &str, &str)] = &[("a", &["10.1.1.0/31"], "10.1.1.1", "none")];
        let topology = Topology::new(&mesh(lans), None).unwrap();
        assert_eq!(topology.hosts["a"].addresses[0].to_string(), "10.1.1.0/31");
    }
}
