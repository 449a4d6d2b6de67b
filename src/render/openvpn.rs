//! What OpenVPN is told about one end of a tunnel.

use crate::lang::openvpn::{Certificates, Config, Connect, Host, Role, Title, Transport};
use crate::plan::{self, GatewayPlan, GatewayTunnel, TlsRole};

/// The configuration of an end of a tunnel.
pub(super) fn config(tunnel: &GatewayTunnel) -> Config {
    Config {
        device: tunnel.device,
        local: tunnel.local,
        remote: tunnel.remote,
        mtu: tunnel.mtu,
        transport: Transport::Udp4,
        local_port: tunnel.local_port,
        connect: tunnel.connect.as_ref().map(connect),
        role: match tunnel.role {
            TlsRole::Server => Role::Server,
            TlsRole::Client => Role::Client,
        },
        peer: certificates(tunnel),
    }
}

/// The names in the title of its file.
pub(super) fn title<'a>(gateway: &'a GatewayPlan, tunnel: &'a GatewayTunnel) -> Title<'a> {
    Title { mesh: &gateway.mesh, gateway: &gateway.name, peer: &tunnel.peer }
}

fn connect(connect: &plan::Connect) -> Connect {
    Connect { host: host(connect), port: connect.port }
}

#[expect(clippy::expect_used, reason = "tests/languages.rs tries what mesh.yaml may have")]
fn host(connect: &plan::Connect) -> Host {
    connect.endpoint.to_string().parse().expect("the endpoint of a checked mesh is a host")
}

#[expect(clippy::expect_used, reason = "a checked mesh has one or two for each gateway")]
fn certificates(tunnel: &GatewayTunnel) -> Certificates {
    let mut certificates = tunnel.peer_certificates.iter().copied();
    let current = certificates.next().expect("every gateway has a certificate");
    Certificates { current, next: certificates.next() }
}
