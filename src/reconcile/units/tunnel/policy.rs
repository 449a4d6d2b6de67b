//! Which OpenVPN configurations are allowed: what Tieline writes, about the tunnel that the manifest
//! names. OpenVPN can run programs, load plugins and read and write files; none of that is in the
//! language.

use std::net::IpAddr;

use crate::lang::openvpn::read;
use crate::primitives::{ArtifactPath, Device};
use crate::reconcile::units::Forbidden;

/// What the manifest says about the tunnel; its file may not say otherwise.
pub(super) struct Expected {
    pub(super) device: Device,
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) mtu: u16,
}

/// OpenVPN has no privilege here, so no port below this one could work.
const FIRST_PORT: u16 = 1024;

/// Refuses a configuration that this version does not write, or for another tunnel.
pub(super) fn check(
    file: &ArtifactPath,
    content: &[u8],
    expected: &Expected,
) -> Result<(), Forbidden> {
    let config = read(content).map_err(|error| Forbidden::Line {
        file: file.clone(),
        line: error.line,
        problem: error.problem.to_string(),
    })?;
    let contradicts = |what: String| Forbidden::Contradicts { file: file.clone(), what };
    let Expected { device, local, remote, mtu } = expected;
    if config.device != *device {
        return Err(contradicts(format!("the device {}", config.device)));
    }
    if (config.local, config.remote) != (*local, *remote) {
        let ends = format!("the addresses {} and {}", config.local, config.remote);
        return Err(contradicts(ends));
    }
    if config.mtu != *mtu {
        return Err(contradicts(format!("an MTU of {}", config.mtu)));
    }
    let far_port = config.connect.as_ref().map(|connect| connect.port);
    let unusable = |port: &u16| *port < FIRST_PORT;
    let port = Some(config.local_port).filter(unusable).or(far_port.filter(|port| *port == 0));
    port.map_or(Ok(()), |port| Err(Forbidden::Port { file: file.clone(), port }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::openvpn::{Certificates, Config, Connect, Role, Title, Transport};
    use crate::primitives::Fingerprint;

    fn config() -> Config {
        Config {
            device: "tl-2".parse().unwrap(),
            local: "172.19.0.1".parse().unwrap(),
            remote: "172.19.0.2".parse().unwrap(),
            mtu: 1420,
            transport: Transport::Udp4,
            local_port: 11002,
            connect: Some(Connect { host: "vpn.example.net".parse().unwrap(), port: 11001 }),
            role: Role::Server,
            peer: Certificates { current: Fingerprint::of_der(b"fremantle"), next: None },
        }
    }

    fn written(config: &Config) -> String {
        let [mesh, gateway, peer] =
            ["acme", "perth", "fremantle"].map(|name| name.parse().unwrap());
        config.write(&Title { mesh: &mesh, gateway: &gateway, peer: &peer })
    }

    fn said(text: &str) -> String {
        let file = "openvpn/tl-2.conf".parse().unwrap();
        let Config { device, local, remote, mtu, .. } = config();
        check(&file, text.as_bytes(), &Expected { device, local, remote, mtu })
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_tieline_writes_is_allowed() {
        assert_eq!(said(&written(&config())), "");
        assert_eq!(said(&written(&Config { connect: None, ..config() })), "");
    }

    #[test]
    fn nothing_else_is() {
        let good = written(&config());
        let after = good.lines().count() + 1;
        for bad in ["up /bin/sh", "script-security 2", "dev tl-2", "\u{e9}"] {
            let said = said(&format!("{good}{bad}\n"));
            assert!(said.starts_with(&format!("openvpn/tl-2.conf, line {after}: ")), "{said}");
        }
        let weak = good.replace("tls-version-min 1.3", "tls-version-min 1.2");
        assert!(said(&weak).contains("upgrade this gateway first"), "{}", said(&weak));
    }

    #[test]
    fn what_it_says_about_another_tunnel_is_not() {
        let device = Config { device: "tl-3".parse().unwrap(), ..config() };
        let local = Config { local: "172.19.0.3".parse().unwrap(), ..config() };
        let remote = Config { remote: "172.19.0.3".parse().unwrap(), ..config() };
        let mtu = Config { mtu: 1400, ..config() };
        for (other, what) in [
            (device, "the device tl-3"),
            (local, "the addresses 172.19.0.3 and 172.19.0.2"),
            (remote, "the addresses 172.19.0.1 and 172.19.0.3"),
            (mtu, "an MTU of 1400"),
        ] {
            let expected = format!("openvpn/tl-2.conf is about {what}, unlike bundle.json");
            assert_eq!(said(&written(&other)), expected);
        }
    }

    #[test]
    fn ports_that_cannot_work_are_not() {
        for (port, allowed) in [(0, false), (53, false), (1023, false), (1024, true), (65535, true)]
        {
            let text = written(&Config { local_port: port, ..config() });
            assert_eq!(said(&text).is_empty(), allowed, "{port}: {}", said(&text));
        }
        for (port, allowed) in [(0, false), (1, true), (65535, true)] {
            let connect = config().connect.map(|connect| Connect { port, ..connect });
            let text = written(&Config { connect, ..config() });
            assert_eq!(said(&text).is_empty(), allowed, "{port}: {}", said(&text));
        }
    }
}
