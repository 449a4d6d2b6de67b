//! What follows from the numbers of gateways and uplinks alone.

use std::net::Ipv4Addr;

use crate::model::TunnelRange;
use crate::primitives::{Device, GatewayNumber};

/// The MTU of every tunnel, in bytes.
///
/// OpenVPN with an AEAD cipher adds 52 bytes over IPv4: IP 20, UDP 8, opcode and peer id 4, packet
/// id 4, tag 16 (OpenVPN wire protocol, P_DATA_V2); 72 over IPv6. So 1400 makes outer packets of
/// at most 1452 bytes, or 1472, which pass unfragmented where the underlay has 1500, over PPPoE
/// (1492) and over DS-Lite (1460).
pub const TUNNEL_MTU: u16 = 1400;

/// An uplink's address in the tunnel network: the n-th. A numbered mesh has one for each.
#[must_use]
pub fn mesh_address(range: &TunnelRange, number: GatewayNumber) -> Ipv4Addr {
    Ipv4Addr::from_bits(range.network.network().to_bits().wrapping_add(u32::from(number.get())))
}

/// The device at the end with the uplink `own` of the tunnel to the uplink `peer`. Both numbers are
/// in its name only where a gateway has several uplinks.
#[must_use]
pub fn device(own: GatewayNumber, is_first: bool, peer: GatewayNumber) -> Device {
    if is_first { Device::to_peer(peer) } else { Device::between(own, peer) }
}

/// The UDP port on which every gateway listens for the peer with this number: first port + n. A
/// numbered mesh has one for each.
#[must_use]
pub fn listening_port(range: &TunnelRange, peer: GatewayNumber) -> u16 {
    range.first_port.wrapping_add(peer.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_the_first_address_and_port() {
        let range = TunnelRange {
            network: "172.19.0.0/16".parse().unwrap(),
            first_port: 11000,
            last_port: 11999,
        };
        let number = GatewayNumber::new(300).unwrap();
        assert_eq!(mesh_address(&range, number), Ipv4Addr::new(172, 19, 1, 44));
        assert_eq!(listening_port(&range, number), 11300);
    }
}
