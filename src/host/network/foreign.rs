//! Routes of the main table that are somebody else's: an administrator's, of DHCP, of another daemon.

use std::collections::BTreeMap;

use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteType,
};

use super::netlink::{read_address, read_key};
use super::{ROUTE_PROTOCOL, RouteKey};

/// Such a route, and in words how it leads to where it leads. `names` are those of devices.
pub(super) fn read(
    route: &RouteMessage,
    names: &BTreeMap<u32, &str>,
) -> Option<(RouteKey, String)> {
    let header = &route.header;
    // One of our protocol is ours through whatever device: a tunnel's may have been renamed by hand.
    // A route for one type of service is beside all others (ip-route(8), `tos`).
    let foreign = header.table == RouteHeader::RT_TABLE_MAIN
        && u8::from(header.protocol) != ROUTE_PROTOCOL
        && header.tos == 0;
    if !foreign {
        return None;
    }
    let mut words = Vec::new();
    if header.kind != RouteType::Unicast {
        words.push(format!("{:?}", header.kind).to_lowercase());
    }
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Gateway(address) => {
                words.extend(read_address(address).map(|address| format!("via {address}")));
            }
            RouteAttribute::Oif(index) => {
                words.extend(names.get(index).map(|name| format!("dev {name}")));
            }
            RouteAttribute::MultiPath(_) => words.push("on several ways".to_owned()),
            _ => {}
        }
    }
    words.push(format!("proto {}", protocol(header.protocol)));
    Some((read_key(route)?, words.join(" ")))
}

/// The name of a protocol (rt_protos of iproute2), or its number.
fn protocol(protocol: RouteProtocol) -> String {
    let name = match protocol {
        RouteProtocol::Kernel => "kernel",
        RouteProtocol::Boot => "boot",
        RouteProtocol::Static => "static",
        RouteProtocol::Ra => "ra",
        RouteProtocol::Dhcp => "dhcp",
        RouteProtocol::Zebra => "zebra",
        RouteProtocol::Bird => "bird",
        other => return u8::from(other).to_string(),
    };
    name.to_owned()
}
