//! A wiring in the making: what is to be said to ip(8) and nft(8).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::{GatewaySite, HostSite, INTERNET, Underlay, Wiring, gateway_netns, host_netns};
use crate::host::Command;
use crate::primitives::Name;

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

/// The namespace of the NAT router in front of a gateway.
fn nat_netns(gateway: &Name) -> String {
    format!("nat-{gateway}")
}

/// Adds one line; writing to a `String` cannot fail.
macro_rules! line {
    ($batch:expr, $($what:tt)*) => {{
        let _ = writeln!($batch, $($what)*);
    }};
}

/// A wiring in the making: lines for ip(8)'s batch mode.
#[derive(Default)]
pub(super) struct Draft {
    /// Namespaces that go.
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
    /// Lines that take wires away in a namespace.
    fn down(&mut self, netns: &str) -> &mut String {
        self.down.entry(netns.to_owned()).or_default()
    }

    /// Lines inside a namespace.
    fn inside(&mut self, netns: &str) -> &mut String {
        self.inside.entry(netns.to_owned()).or_default()
    }

    /// Makes a namespace.
    pub(super) fn namespace(&mut self, name: &str) {
        line!(self.outside, "netns add {name}");
        line!(self.inside(name), "link set lo up");
    }

    /// Switches forwarding on or off: a new namespace has the host's setting.
    pub(super) fn forward(&mut self, netns: &str, on: bool) {
        let value = if on { "1\n" } else { "0\n" };
        self.after.push(
            Command::system("tee").arg("/proc/sys/net/ipv4/ip_forward").netns(netns).input(value),
        );
    }

    /// Gives a namespace an address on the internet.
    pub(super) fn attach(&mut self, netns: &str, address: Ipv4Addr) {
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

    /// Takes the host of a LAN away.
    pub(super) fn remove_host(&mut self, site: &HostSite) {
        let netns = host_netns(&site.lan);
        line!(self.down(&netns), "link del eth0");
        self.removed.push(netns);
    }

    /// Takes a gateway off the internet, and out of the lab, where it does not stay there.
    pub(super) fn retire(&mut self, site: &GatewaySite, now: Option<&GatewaySite>) {
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

    /// Puts a gateway where it belongs on the internet, unless it is there.
    pub(super) fn gateway(&mut self, known: Option<&GatewaySite>, site: &GatewaySite) {
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
    pub(super) fn lan(
        &mut self,
        old: Option<(&HostSite, Vec<IpNet>)>,
        site: &HostSite,
        gateway: &[IpNet],
    ) {
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

    /// The commands.
    pub(super) fn finish(self) -> Wiring {
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
