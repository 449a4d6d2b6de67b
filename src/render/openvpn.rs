//! The OpenVPN configuration of one end of a tunnel (openvpn(8), OpenVPN 2.6 and 2.7).
//!
//! What differs from host to host is not in it: certificate and key, management socket, log and
//! pid file come on the command line, from the service manager of the gateway.

use std::fmt::Write as _;

use crate::plan::{GatewayPlan, TlsRole, Tunnel};

/// The whole file.
pub(super) fn config(gateway: &GatewayPlan, tunnel: &Tunnel) -> String {
    let head = format!(
        "# Mesh {}: the tunnel from {} to {}.\n\
         # Made by `tieline build`: change mesh.yaml, not this file.\n",
        gateway.mesh, gateway.name, tunnel.peer,
    );
    [head, device(tunnel), transport(tunnel), tls(tunnel), liveness(), conduct()].join("\n")
}

fn device(tunnel: &Tunnel) -> String {
    let Tunnel { device, local, remote, mtu, .. } = tunnel;
    format!(
        "\
# The device belongs to the reconciler, with its address and its routes, so that all of them
# outlive this process: OpenVPN only attaches to it. Kernel offload would make its own device.
dev {device}
dev-type tun
persist-tun
disable-dco
topology p2p
ifconfig {local} {remote}
ifconfig-noexec
route-noexec

# Leaves room for the encryption on every usual underlay. The segment size of TCP is clamped by
# nftables, in one place for all tunnels.
tun-mtu {mtu}
mssfix 0
"
    )
}

fn transport(tunnel: &Tunnel) -> String {
    let port = tunnel.local_port;
    let Some(connect) = &tunnel.connect else {
        return format!(
            "\
# The other end is behind NAT: it calls us, from an address that may change at any time.
proto udp4
lport {port}
float
# It knows no better than to wait when this end goes away, so this end says goodbye. Where both
# can be reached each finds the other again within a second, and a goodbye would only cost one.
explicit-exit-notify 1
"
        );
    };
    let endpoint = &connect.endpoint;
    let remote_port = connect.port;
    format!(
        "\
# Each end has a port of its own for the other; a name is looked up for as long as it takes, and
# again at every reconnection, which is never put off for longer than ten seconds.
proto udp4
lport {port}
remote {endpoint}
rport {remote_port}
resolv-retry infinite
connect-retry 1 10
"
    )
}

fn tls(tunnel: &Tunnel) -> String {
    let role = match tunnel.role {
        TlsRole::Server => {
            "\
# This end waits for the handshake; elliptic curves need no Diffie-Hellman file.
tls-server
dh none
"
        }
        TlsRole::Client => {
            "\
# This end begins the handshake.
tls-client
"
        }
    };
    let mut text = format!(
        "\
{role}tls-version-min 1.3
data-ciphers AES-256-GCM:CHACHA20-POLY1305

# There is no authority: the other end is known by its certificate alone, and during a rotation
# by either of two.
<peer-fingerprint>
"
    );
    for fingerprint in &tunnel.peer_certificates {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", fingerprint.pairs());
    }
    text.push_str("</peer-fingerprint>\n");
    text
}

fn liveness() -> String {
    "\
# Each end notices within 20 seconds that the other is gone, and looks for it again; a ping every
# 5 seconds also keeps a NAT from forgetting the tunnel.
ping 5
ping-restart 20
persist-key
"
    .to_owned()
}

fn conduct() -> String {
    "\
# Compression leaks what is encrypted (VORACLE); nothing a peer says may start a program.
allow-compression no
script-security 0

# Connections and errors, but not each of a flood of them.
verb 3
mute 20
"
    .to_owned()
}
