//! From one topology to the next, as commands of ip(8) and nft(8).
//!
//! Every gateway, LAN host and NAT router, the git server and the internet is a network
//! namespace; veth pairs are the wires. Whoever is on the internet has a /32 there and reaches
//! the rest through [`ROUTER`], so that endpoints may be any addresses at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::{GatewaySite, HostSite, Topology, Underlay};
use crate::host::Command;
use crate::primitives::Name;

/// The namespace of the internet's one router.
pub const INTERNET: &str = "internet";

/// The namespace of the git server.
pub const GIT: &str = "git";

/// The router's address on every one of its wires: link-local (RFC 3927), so nobody else's.
const ROUTER: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);

/// What a provider's router does: translate on the way out, let nobody in.
const NAT: &str = "\
table ip lab {
  chain out {
    type nat hook postrouting priority srcnat
    oifname \"wan\" masquerade random
  }
  chain through {
    type filter hook forward priority filter; policy drop
    ct state established,related accept
    iifname \"inside\" accept
  }
}
";

/// Adds one line; writing to a `String` cannot fail.
macro_rules! line {
    ($batch:expr, $($what:tt)*) => {{
        let _ = writeln!($batch, $($what)*);
    }};
}

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

/// The namespace of the NAT router in front of a gateway.
fn nat_netns(gateway: &Name) -> String {
    format!("nat-{gateway}")
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
            line!(draft.down(&host_netns(&site.lan)), "link del eth0");
            draft.removed.push(host_netns(&site.lan));
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

/// A wiring in the making: lines for ip(8)'s batch mode.
#[derive(Default)]
struct Draft {
    removed: Vec<String>,
    /// Lines that take wires away, by namespace.
    down: BTreeMap<String, String>,
    /// Lines outside of all namespaces: these make them, and the wires between them.
    outside: String,
    /// Lines inside the namespaces.
    inside: BTreeMap<String, String>,
    /// What else is to do inside them.
    after: Vec<Command>,
}

impl Draft {
    fn down(&mut self, netns: &str) -> &mut String {
        self.down.entry(netns.to_owned()).or_default()
    }

    fn inside(&mut self, netns: &str) -> &mut String {
        self.inside.entry(netns.to_owned()).or_default()
    }

    fn namespace(&mut self, name: &str) {
        line!(self.outside, "netns add {name}");
        line!(self.inside(name), "link set lo up");
    }

    /// Switches forwarding on or off: a new namespace has the host's setting.
    fn forward(&mut self, netns: &str, on: bool) {
        let value = if on { "1\n" } else { "0\n" };
        self.after.push(
            Command::system("tee").arg("/proc/sys/net/ipv4/ip_forward").netns(netns).input(value),
        );
    }

    /// Gives a namespace an address on the internet.
    fn attach(&mut self, netns: &str, address: Ipv4Addr) {
        let wire = wire(address);
        line!(
            self.outside,
            "link add wan netns {netns} type veth peer name {wire} netns {INTERNET}"
        );
        let own = self.inside(netns);
        line!(own, "addr add {address}/32 dev wan");
        line!(own, "link set wan up");
        line!(own, "route add {ROUTER}/32 dev wan");
        line!(own, "route add default via {ROUTER} dev wan src {address}");
        let router = self.inside(INTERNET);
        line!(router, "addr add {ROUTER}/32 dev {wire}");
        line!(router, "link set {wire} up");
        line!(router, "route add {address}/32 dev {wire}");
    }

    /// Takes a gateway off the internet, and out of the lab, where it does not stay there.
    fn retire(&mut self, site: &GatewaySite, now: Option<&GatewaySite>) {
        if now.is_none() {
            self.removed.push(gateway_netns(&site.name));
        }
        if now.is_some_and(|now| now.underlay.on_internet() == site.underlay.on_internet()) {
            return;
        }
        // Deleting a namespace takes its wires away some time later, this at once.
        line!(self.down(INTERNET), "link del {}", wire(site.underlay.on_internet()));
        if matches!(site.underlay, Underlay::Nat { .. }) {
            self.removed.push(nat_netns(&site.name));
            line!(self.down(&gateway_netns(&site.name)), "link del wan");
        }
    }

    fn gateway(&mut self, known: Option<&GatewaySite>, site: &GatewaySite) {
        let netns = gateway_netns(&site.name);
        match known {
            Some(known) if known.underlay.on_internet() == site.underlay.on_internet() => return,
            Some(_) => {}
            None => {
                self.namespace(&netns);
                self.forward(&netns, false);
            }
        }
        match &site.underlay {
            Underlay::Public { address, .. } => self.attach(&netns, *address),
            Underlay::Nat { router, inside, address } => {
                let nat = nat_netns(&site.name);
                self.namespace(&nat);
                self.attach(&nat, *router);
                line!(
                    self.outside,
                    "link add wan netns {netns} type veth peer name inside netns {nat}"
                );
                let own = self.inside(&netns);
                line!(own, "addr add {address} dev wan");
                line!(own, "link set wan up");
                line!(own, "route add default via {}", inside.addr());
                let router = self.inside(&nat);
                line!(router, "addr add {inside} dev inside");
                line!(router, "link set inside up");
                self.forward(&nat, true);
                self.after.push(Command::system("nft").args(["-f", "-"]).netns(&nat).input(NAT));
            }
        }
    }

    /// Wires a LAN's host to its gateway, or changes the addresses at both ends of the wire.
    fn lan(&mut self, old: Option<(&HostSite, Vec<IpNet>)>, site: &HostSite, gateway: &[IpNet]) {
        let (host, router) = (host_netns(&site.lan), gateway_netns(&site.gateway));
        if old.is_none() {
            self.namespace(&host);
            line!(
                self.outside,
                "link add lan netns {router} type veth peer name eth0 netns {host}"
            );
        }
        let (old_site, old_gateway) = old.map_or((None, Vec::new()), |(s, g)| (Some(s), g));
        let old_host = old_site.map(|site| site.addresses.as_slice()).unwrap_or_default();
        readdress(self.inside(&router), "lan", &old_gateway, gateway);
        readdress(self.inside(&host), "eth0", old_host, &site.addresses);
        if old_site.is_none_or(|old| old.via != site.via || old.addresses != site.addresses) {
            // Onlink: the gateway's address may lie in a prefix that has no room for the host.
            line!(self.inside(&host), "route replace default via {} dev eth0 onlink", site.via);
        }
    }

    fn finish(self) -> Wiring {
        let batch = |(netns, lines): (String, String)| {
            Command::system("ip").args(["-netns", netns.as_str(), "-batch", "-"]).input(lines)
        };
        let full = |(_, lines): &(String, String)| !lines.is_empty();
        let stages = vec![
            vec![Command::system("ip").args(["-batch", "-"]).input(self.outside)],
            self.inside.into_iter().filter(full).map(batch).collect(),
            self.after,
        ];
        Wiring { down: self.down.into_iter().map(batch).collect(), removed: self.removed, stages }
    }
}

/// The router's end of the wire to whoever has this address on the internet.
fn wire(address: Ipv4Addr) -> String {
    format!("x{:08x}", address.to_bits())
}

/// Gives a device the addresses it is to have, leaves those it has, takes away the others.
fn readdress(batch: &mut String, device: &str, old: &[IpNet], new: &[IpNet]) {
    for address in old.iter().filter(|address| !new.contains(address)) {
        line!(batch, "addr del {address} dev {device}");
    }
    for address in new.iter().filter(|address| !old.contains(address)) {
        let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
        line!(batch, "addr add {address} dev {device}{nodad}");
    }
    if old.is_empty() {
        line!(batch, "link set {device} up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
