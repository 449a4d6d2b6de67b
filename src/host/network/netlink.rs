//! Devices, addresses and routes, asked of the kernel over rtnetlink(7).

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload, Nla,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, InfoData, InfoKind, InfoTun, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteType,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::{
    Ipv6, Link, LinkKind, NetworkError, NetworkState, ROUTE_PROTOCOL, RouteKey, Traffic, Via,
};
use super::{foreign, tables};
use crate::primitives::Device;

/// `IFLA_TUN_OWNER` and `IFLA_TUN_TYPE` of linux/if_link.h.
const TUN_OWNER: u16 = 1;
const TUN_TYPE: u16 = 3;
/// `IFF_TUN` of linux/if_tun.h: packets of IP, not Ethernet frames.
const LAYER_THREE: u8 = 1;
/// `IN6_ADDR_GEN_MODE_NONE` of linux/if_link.h: no link-local address.
const NO_ADDRESSES: i32 = 1;

/// What the kernel has now.
pub(super) fn observe() -> Result<NetworkState, NetworkError> {
    let read = |table| move |source| NetworkError::Read { table, source };
    let links = dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))
        .map_err(read("list of devices"))?;
    let addresses = dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))
        .map_err(read("list of addresses"))?;
    let routes = dump(RouteNetlinkMessage::GetRoute(RouteMessage::default()))
        .map_err(read("routing table"))?;
    Ok(NetworkState { table: tables::table(), ..assemble(&links, &addresses, &routes) })
}

/// Asks for a whole table. The kernel marks an answer during which the table changed by
/// `NLM_F_DUMP_INTR`; that is no reason to fail, the next run looks again.
fn dump(request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut messages = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(messages),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(inner) => messages.push(inner),
                _ => {}
            }
        }
    }
}

/// A device with the name of a tunnel.
struct Tun {
    device: Device,
    up: bool,
    mtu: Option<u32>,
    owner: Option<u32>,
    traffic: Option<Traffic>,
    ipv6: Ipv6,
    addresses: Vec<(IpAddr, IpAddr)>,
}

fn assemble(
    links: &[RouteNetlinkMessage],
    addresses: &[RouteNetlinkMessage],
    routes: &[RouteNetlinkMessage],
) -> NetworkState {
    let mut state = NetworkState::default();
    let mut tuns: BTreeMap<u32, Tun> = BTreeMap::new();
    let mut names: BTreeMap<u32, &str> = BTreeMap::new();
    let mut owners: BTreeMap<u32, u32> = BTreeMap::new();
    for message in links {
        let RouteNetlinkMessage::NewLink(link) = message else { continue };
        names.extend(name_of(link).map(|name| (link.header.index, name)));
        let kind = read_tun(link);
        let owner = kind.as_ref().and_then(|tun| tun.owner);
        owners.extend(owner.map(|owner| (link.header.index, owner)));
        tuns.extend(read_link(link, kind).map(|tun| (link.header.index, tun)));
    }
    for message in addresses {
        if let RouteNetlinkMessage::NewAddress(address) = message {
            if let Some(tun) = tuns.get_mut(&address.header.index) {
                tun.addresses.extend(read_pair(address));
                tun.ipv6.autonomous |= is_link_local(address);
                continue;
            }
            let (local, far) = locals(address);
            state.addresses.extend(local.or(far));
            let owner =
                owners.get(&address.header.index).filter(|_| local.is_some() && local != far);
            match (owner, read_network(address)) {
                (Some(owner), Some(network)) => {
                    state.other_tuns.insert((*owner, network));
                }
                (None, network) => state.attached.extend(network),
                (Some(_), None) => {}
            }
        }
    }
    for message in routes {
        if let RouteNetlinkMessage::NewRoute(route) = message {
            state.routes.extend(read_route(route, &tuns));
            state.foreign_routes.extend(foreign::read(route, &names));
            if route.header.protocol == RouteProtocol::Ra
                && let Some(tun) = output(route).and_then(|index| tuns.get_mut(&index))
            {
                tun.ipv6.autonomous = true;
            }
        }
    }
    state.traffic = tuns.values().filter_map(|tun| Some((tun.device, tun.traffic?))).collect();
    state.ipv6 = tuns.values().map(|tun| (tun.device, tun.ipv6)).collect();
    state.links = tuns.into_values().map(|tun| (tun.device, tun.link())).collect();
    state
}

impl Tun {
    /// What it is, if it is all that a tunnel needs: up, and with exactly one address. IPv6 that came
    /// to a device with an IPv4 address is a matter of its own: it goes without any restart.
    fn link(self) -> Option<Link> {
        let of_family = |ipv4: bool| {
            let own = self.addresses.iter().filter(move |(local, _)| local.is_ipv4() == ipv4);
            own.copied().collect::<Vec<_>>()
        };
        let ipv4 = of_family(true);
        let own = if ipv4.is_empty() { of_family(false) } else { ipv4 };
        let [(local, remote)] = own.as_slice() else { return None };
        let (mtu, owner) = (self.mtu?, self.owner?);
        let (local, remote) = (*local, *remote);
        self.up.then_some(Link { kind: LinkKind::Tun, local, remote, mtu, owner })
    }
}

fn read_link(link: &LinkMessage, kind: Option<TunKind>) -> Option<Tun> {
    let mut device = None;
    let mut mtu = None;
    let (mut traffic, mut ipv6) = (None, Ipv6::default());
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => device = name.parse().ok(),
            LinkAttribute::Mtu(value) => mtu = Some(*value),
            LinkAttribute::Stats64(stats) => {
                traffic = Some(Traffic { received: stats.rx_bytes, sent: stats.tx_bytes });
            }
            LinkAttribute::AfSpecUnspec(families) => ipv6 = read_ipv6(families),
            _ => {}
        }
    }
    let up = link.header.flags.contains(LinkFlags::Up) && kind.is_some();
    let owner = kind.and_then(|tun| tun.owner);
    Some(Tun { device: device?, up, mtu, owner, traffic, ipv6, addresses: Vec::new() })
}

/// What makes a device a tun device of layer three.
struct TunKind {
    /// The user who may attach to it, where only one may.
    owner: Option<u32>,
}

/// Whether a device is such a one.
fn read_tun(link: &LinkMessage) -> Option<TunKind> {
    let infos = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    })?;
    let is_tun = infos.contains(&LinkInfo::Kind(InfoKind::Tun));
    let data = infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Tun(data)) => Some(data),
        _ => None,
    })?;
    let owner = tun_value(data, TUN_OWNER).and_then(|bytes| bytes.try_into().ok());
    let layer_three = tun_value(data, TUN_TYPE) == Some(vec![LAYER_THREE]);
    (is_tun && layer_three).then_some(TunKind { owner: owner.map(u32::from_ne_bytes) })
}

/// Nothing is said of IPv6 where the kernel or the device has none.
fn read_ipv6(families: &[AfSpecUnspec]) -> Ipv6 {
    let mut ipv6 = Ipv6::default();
    for family in families {
        let AfSpecUnspec::Inet6(attributes) = family else { continue };
        for attribute in attributes {
            let AfSpecInet6::DevConf(settings) = attribute else { continue };
            ipv6.carried = settings.disable_ipv6 == 0;
            ipv6.autonomous = settings.accept_ra != 0
                || settings.accept_redirects != 0
                || settings.addr_gen_mode != NO_ADDRESSES;
        }
    }
    ipv6
}

fn name_of(link: &LinkMessage) -> Option<&str> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

fn tun_value(data: &[InfoTun], kind: u16) -> Option<Vec<u8>> {
    let found = data.iter().find(|info| info.kind() == kind)?;
    let mut bytes = vec![0; found.value_len()];
    found.emit_value(&mut bytes);
    Some(bytes)
}

/// Local and far address of a point-to-point device: `IFA_LOCAL` and `IFA_ADDRESS`
/// (linux/if_addr.h). Link-local addresses are the kernel's own.
fn read_pair(address: &AddressMessage) -> Option<(IpAddr, IpAddr)> {
    let (local, far) = locals(address);
    let pair = (local.or(far)?, far?);
    match pair.0 {
        IpAddr::V6(local) if local.is_unicast_link_local() => None,
        _ => Some(pair),
    }
}

fn is_link_local(address: &AddressMessage) -> bool {
    matches!(locals(address).1, Some(IpAddr::V6(address)) if address.is_unicast_link_local())
}

fn read_network(address: &AddressMessage) -> Option<IpNet> {
    let far = locals(address).1?;
    IpNet::new(far, address.header.prefix_len).ok().map(|network| network.trunc())
}

fn locals(address: &AddressMessage) -> (Option<IpAddr>, Option<IpAddr>) {
    let (mut local, mut far) = (None, None);
    for attribute in &address.attributes {
        match attribute {
            AddressAttribute::Local(value) => local = Some(*value),
            AddressAttribute::Address(value) => far = Some(*value),
            _ => {}
        }
    }
    (local, far)
}

fn read_route(route: &RouteMessage, tuns: &BTreeMap<u32, Tun>) -> Option<(RouteKey, Via)> {
    let header = &route.header;
    let ours = u8::from(header.protocol) == ROUTE_PROTOCOL
        && header.table == RouteHeader::RT_TABLE_MAIN
        && header.kind == RouteType::Unicast;
    if !ours {
        return None;
    }
    let (mut source, mut device) = (None, None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::PrefSource(value) => source = read_address(value),
            RouteAttribute::Oif(index) => device = tuns.get(index).map(|tun| tun.device),
            _ => {}
        }
    }
    let key = read_key(route)?;
    // A route without a source is wrong, and has to show: no gateway has this address.
    let source = source.unwrap_or(match key.to {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    });
    Some((key, Via { device: device?, source }))
}

/// What the kernel knows a route by. One that leads everywhere has no destination.
pub(super) fn read_key(route: &RouteMessage) -> Option<RouteKey> {
    let (mut destination, mut metric) = (None, 0);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(value) => destination = read_address(value),
            RouteAttribute::Priority(value) => metric = *value,
            _ => {}
        }
    }
    let to = IpNet::new(destination?, route.header.destination_prefix_length).ok()?;
    // What the kernel makes of none for IPv6 (IP6_RT_PRIO_USER of linux/ipv6_route.h).
    let metric = if matches!((to, metric), (IpNet::V6(_), 1024)) { 0 } else { metric };
    Some(RouteKey { to, metric })
}

/// The index of the device that a route leads through.
fn output(route: &RouteMessage) -> Option<u32> {
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

pub(super) fn read_address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever machine this runs on has the loopback device.
    #[test]
    fn reads_this_machine() {
        let state = observe().unwrap();
        assert!(state.addresses.contains(&"127.0.0.1".parse().unwrap()), "{state:?}");
        assert!(state.attached.contains(&"127.0.0.0/8".parse().unwrap()), "{state:?}");
    }
}
