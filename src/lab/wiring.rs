//! From one topology to the next, as commands of ip(8) and nft(8).
//!
//! Every gateway, LAN host and NAT router, the git server and the internet is a network
//! namespace; veth pairs are the wires. Whoever is on the internet has a /32 there and reaches
//! the rest through a link-local router, so that endpoints may be any addresses at all.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::{HostSite, Topology};
use crate::host::Command;
use crate::primitives::Name;

/// The namespace of the internet's one router.
pub const INTERNET: &str = "internet";

/// The namespace of the git server.
pub const GIT: &str = "git";

/// The namespace of a gateway.
#[must_use]
pub fn gateway_netns(gateway: &Name) -> String {
    format!("gateway-{gateway}")
}

/// The namespace of the host in a LAN.
#[must_use]
pub fn host_netns(lan: &Name) -> String {
    format!("host-{lan}")
}

/// How to get from one topology to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring {
    /// Commands that take wires away.
    pub down: Vec<Command>,
    /// Namespaces that go then, with all that runs in them.
    pub removed: Vec<String>,
    /// Commands after that, stage by stage; those of one stage may run side by side.
    pub stages: Vec<Vec<Command>>,
}

impl Wiring {
    /// The way from `before`, or from nothing, to `after`.
    #[must_use]
    pub fn new(before: Option<&Topology>, after: &Topology) -> Self {
        let mut draft = Draft::default();
        if before.is_none() {
            draft.namespace(INTERNET);
            draft.forward(INTERNET, true);
            draft.namespace(GIT);
            draft.attach(GIT, after.git);
        }
        let nowhere = BTreeMap::new();
        let gateways = before.map_or(&nowhere, |before| &before.gateways);
        for (name, site) in gateways {
            draft.retire(site, after.gateways.get(name));
        }
        for site in after.gateways.values() {
            draft.gateway(gateways.get(&site.name), site);
        }
        let nobody = BTreeMap::new();
        let hosts = before.map_or(&nobody, |before| &before.hosts);
        let stays = |site: &HostSite| {
            let now = after.hosts.get(&site.lan);
            let home = |topology: &Topology| {
                topology.gateways.get(&site.gateway).map(|gateway| gateway.lan.clone())
            };
            now.is_some_and(|now| now.gateway == site.gateway)
                && before.and_then(home) == home(after)
        };
        for site in hosts.values().filter(|site| !stays(site)) {
            draft.remove_host(site);
        }
        for site in after.hosts.values() {
            let known = hosts.get(&site.lan).filter(|site| stays(site));
            let ends = |topology: &Topology, site: &HostSite| {
                let gateway = topology.gateways.get(&site.gateway);
                gateway.map(|gateway| gateway.addresses.clone()).unwrap_or_default()
            };
            let old = known.zip(before).map(|(site, before)| (site, ends(before, site)));
            draft.lan(old, site, &ends(after, site));
        }
        draft.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{GatewaySite, Underlay};

    fn gateway(name: &str, underlay: Underlay, address: &str) -> GatewaySite {
        GatewaySite {
            name: name.parse().unwrap(),
            lan: format!("{name}-lan").parse().unwrap(),
            underlay,
            addresses: vec![address.parse().unwrap()],
        }
    }

    fn topology(gateways: Vec<GatewaySite>) -> Topology {
        let host = |site: &GatewaySite| HostSite {
            lan: site.lan.clone(),
            gateway: site.name.clone(),
            via: "10.0.0.1".parse().unwrap(),
            addresses: vec!["10.0.0.2/24".parse().unwrap()],
        };
        Topology {
            git: "198.18.0.1".parse().unwrap(),
            hosts: gateways.iter().map(|site| (site.lan.clone(), host(site))).collect(),
            gateways: gateways.into_iter().map(|site| (site.name.clone(), site)).collect(),
        }
    }

    fn public(address: &str) -> Underlay {
        Underlay::Public { address: address.parse().unwrap(), host: None }
    }

    fn text(commands: &[Command]) -> String {
        let show =
            |command: &Command| format!("{command}\n{}", String::from_utf8_lossy(&command.input));
        commands.iter().map(show).collect()
    }

    #[test]
    fn the_same_lab_needs_no_wire() {
        let lab = topology(vec![gateway("a", public("203.0.113.1"), "10.0.0.1/24")]);
        let wiring = Wiring::new(Some(&lab), &lab);
        assert_eq!((wiring.down, wiring.removed), (Vec::new(), Vec::new()));
        assert_eq!(text(&wiring.stages.concat()), "ip -batch -\n");
    }

    #[test]
    fn a_new_prefix_is_an_address_at_both_ends() {
        let before = topology(vec![gateway("a", public("203.0.113.1"), "10.0.0.1/24")]);
        let mut after = before.clone();
        after.gateways.get_mut("a").unwrap().addresses.push("10.0.1.1/24".parse().unwrap());
        after.hosts.get_mut("a-lan").unwrap().addresses.push("10.0.1.2/24".parse().unwrap());
        let wiring = Wiring::new(Some(&before), &after);
        assert!(wiring.down.is_empty() && wiring.removed.is_empty());
        assert_eq!(
            text(&wiring.stages[1]),
            "ip -netns gateway-a -batch -\naddr add 10.0.1.1/24 dev lan\n\
             ip -netns host-a-lan -batch -\naddr add 10.0.1.2/24 dev eth0\n\
             route replace default via 10.0.0.1 dev eth0 onlink\n"
        );
    }

    #[test]
    fn a_gateway_that_is_renamed_frees_its_wires_first() {
        let before = topology(vec![gateway("a", public("203.0.113.1"), "10.0.0.1/24")]);
        let after = topology(vec![gateway("b", public("203.0.113.1"), "10.0.0.1/24")]);
        let wiring = Wiring::new(Some(&before), &after);
        assert_eq!(wiring.removed, ["gateway-a", "host-a-lan"]);
        assert!(text(&wiring.down).contains("link del xcb007101\n"), "{}", text(&wiring.down));
        let outside = text(&wiring.stages[0]);
        assert!(outside.contains("wan netns gateway-b type veth peer name xcb007101"), "{outside}");
    }
}
