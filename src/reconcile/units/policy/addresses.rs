//! Which networks a tunnel or a route may lead to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Forbidden, Local};

/// Refuses `network` where it is nobody's to route, outside what gateway.yaml allows, or a network
/// of this host itself. `what` begins the message.
pub(in crate::reconcile::units) fn check(
    what: &str,
    network: IpNet,
    local: &Local,
) -> Result<(), Forbidden> {
    if let Some(kind) = special(network) {
        return Err(Forbidden::Special { what: what.to_owned(), kind });
    }
    let allowed = &local.policy.allowed_networks;
    if !allowed.iter().any(|allowed| allowed.contains(&network)) {
        let allowed = allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (what, file) = (what.to_owned(), local.policy.file.clone());
        return Err(Forbidden::Outside { what, file, allowed });
    }
    // A wider route is no harm: the kernel prefers the network it is attached to.
    match local.attached.iter().find(|attached| attached.contains(&network)) {
        Some(attached) => Err(Forbidden::Attached { what: what.to_owned(), attached: *attached }),
        None => Ok(()),
    }
}

/// What a network is that must never lead into a tunnel, whatever gateway.yaml says.
fn special(network: IpNet) -> Option<&'static str> {
    // Two halves of the internet are a default route as well.
    if network.prefix_len() < 4 {
        return Some("a default route or most of one");
    }
    match network.addr() {
        address if address.is_loopback() => Some("a loopback address"),
        address if address.is_multicast() => Some("a multicast address"),
        address if address.is_unspecified() => Some("the unspecified address"),
        IpAddr::V4(address) if address.is_link_local() => Some("a link-local address"),
        IpAddr::V4(address) if address.is_broadcast() => Some("the broadcast address"),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some("a link-local address"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::config::Policy;

    /// What is said about `network` by a gateway attached to 192.168.10.0/24 that allows `allowed`.
    fn said(network: &str, allowed: &[&str]) -> String {
        let policy = Policy {
            file: "/etc/tieline/gateway.yaml".into(),
            allowed_networks: allowed.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let local = Local {
            gateway: &"perth".parse().unwrap(),
            mesh: &"acme".parse().unwrap(),
            identity: crate::primitives::Fingerprint::of_der(b""),
            policy: &policy,
            attached: ["192.168.10.0/24".parse().unwrap()].into(),
            addresses: ["192.168.10.1".parse().unwrap()].into(),
            foreign_routes: [].into(),
        };
        check("it", network.parse().unwrap(), &local)
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn other_lans_are_fine() {
        let private = ["10.0.0.0/8", "192.168.0.0/16"];
        for network in ["192.168.20.0/24", "10.0.0.0/8", "192.168.0.0/16", "192.168.11.7/32"] {
            assert_eq!(said(network, &private), "", "{network}");
        }
    }

    #[test]
    fn one_s_own_lan_is_not_to_come_from_afar() {
        for network in ["192.168.10.0/24", "192.168.10.128/25", "192.168.10.7/32"] {
            let said = said(network, &["192.168.0.0/16"]);
            assert!(
                said.starts_with("it is in 192.168.10.0/24, which this gateway is attached to")
            );
        }
    }

    #[test]
    fn what_gateway_yaml_does_not_allow() {
        let expected =
            "it is outside policy.allowed_networks of /etc/tieline/gateway.yaml (10.0.0.0/8)";
        for network in ["8.8.8.0/24", "172.16.0.0/12", "192.168.20.0/24"] {
            assert_eq!(said(network, &["10.0.0.0/8"]), expected, "{network}");
        }
    }

    #[test]
    fn what_nobody_can_allow() {
        for network in [
            "0.0.0.0/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "::/0",
            "127.0.0.0/8",
            "224.0.0.0/4",
            "169.254.0.0/16",
            "fe80::/10",
            "255.255.255.255/32",
            "::1/128",
            "ff00::/8",
        ] {
            let said = said(network, &["0.0.0.0/0", "::/0"]);
            let expected =
                said.starts_with("it is ") && said.ends_with("no gateway.yaml can allow");
            assert!(expected, "{network}: {said}");
        }
    }
}
