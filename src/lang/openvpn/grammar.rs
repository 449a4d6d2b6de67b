//! The directives, in the order of the file, to write and to read alike: one that is added is added
//! here and nowhere else.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::host::REMOTE;
use super::{Certificates, Config, Connect, Role, Transport};
use crate::lang::pass::Pass;
use crate::primitives::{Device, Fingerprint};

/// The whole file, below its title.
pub(super) fn config<P: Pass<Config>>(pass: &mut P) -> Result<Config, P::Error> {
    let (device, Ends(local, remote)) = device(pass)?;
    let mtu = mtu(pass)?;
    let (transport, local_port, connect) = transport(pass)?;
    let role = role(pass)?;
    let peer = peer(pass)?;
    liveness(pass)?;
    conduct(pass)?;
    Ok(Config { device, local, remote, mtu, transport, local_port, connect, role, peer })
}

fn device<P: Pass<Config>>(pass: &mut P) -> Result<(Device, Ends), P::Error> {
    pass.explain(|_| {
        "
# The device belongs to the reconciler, with its address and its routes, so that all of them
# outlive this process: OpenVPN only attaches to it. Kernel offload would make its own device."
    });
    let device = pass.value("dev ", |config| config.device)?;
    pass.line("dev-type tun")?;
    pass.line("persist-tun")?;
    pass.line("disable-dco")?;
    pass.line("topology p2p")?;
    let ends = pass.value("ifconfig ", |config| Ends(config.local, config.remote))?;
    pass.line("ifconfig-noexec")?;
    pass.line("route-noexec")?;
    Ok((device, ends))
}

fn mtu<P: Pass<Config>>(pass: &mut P) -> Result<u16, P::Error> {
    pass.explain(|_| {
        "
# Leaves room for the encryption on every usual underlay. The segment size of TCP is clamped by
# nftables, in one place for all tunnels."
    });
    let mtu = pass.value("tun-mtu ", |config| config.mtu)?;
    pass.line("mssfix 0")?;
    Ok(mtu)
}

fn transport<P: Pass<Config>>(pass: &mut P) -> Result<(Transport, u16, Option<Connect>), P::Error> {
    pass.explain(|config| match config.connect {
        Some(_) => {
            "
# Each end has a port of its own for the other; a name is looked up for as long as it takes, and
# again at every reconnection, which is never put off for longer than ten seconds."
        }
        None => {
            "
# The other end is behind NAT: it calls us, from an address that may change at any time."
        }
    });
    let transport = pass.value("proto ", |config| config.transport)?;
    let local_port = pass.value("lport ", |config| config.local_port)?;
    let connect = if let Some(mut part) =
        pass.part(|line| line.starts_with(REMOTE), |config| config.connect.as_ref())
    {
        Some(connect(&mut part)?)
    } else {
        no_remote(pass)?;
        None
    };
    Ok((transport, local_port, connect))
}

fn connect<P: Pass<Connect>>(pass: &mut P) -> Result<Connect, P::Error> {
    let host = pass.value(REMOTE, |connect| connect.host.clone())?;
    let port = pass.value("rport ", |connect| connect.port)?;
    pass.line("resolv-retry infinite")?;
    pass.line("connect-retry 1 10")?;
    Ok(Connect { host, port })
}

fn no_remote<P: Pass<Config>>(pass: &mut P) -> Result<(), P::Error> {
    pass.line("float")?;
    pass.explain(|_| {
        "\
# It knows no better than to wait when this end goes away, so this end says goodbye. Where both
# can be reached each finds the other again within a second, and a goodbye would only cost one."
    });
    pass.line("explicit-exit-notify 1")
}

fn role<P: Pass<Config>>(pass: &mut P) -> Result<Role, P::Error> {
    pass.explain(|config| match config.role {
        Role::Server => {
            "
# This end waits for the handshake; elliptic curves need no Diffie-Hellman file."
        }
        Role::Client => {
            "
# This end begins the handshake."
        }
    });
    let role = pass.value("tls-", |config| config.role)?;
    if role == Role::Server {
        pass.line("dh none")?;
    }
    pass.line("tls-version-min 1.3")?;
    pass.line("data-ciphers AES-256-GCM:CHACHA20-POLY1305")?;
    Ok(role)
}

fn peer<P: Pass<Config>>(pass: &mut P) -> Result<Certificates, P::Error> {
    const END: &str = "</peer-fingerprint>";
    pass.explain(|_| {
        "
# There is no authority: the other end is known by its certificate alone, and during a rotation
# by either of two."
    });
    pass.line("<peer-fingerprint>")?;
    let Pairs(current) = pass.value("", |config| Pairs(config.peer.current))?;
    let next = match pass.part(|line| line != END, |config| config.peer.next.as_ref()) {
        Some(mut part) => {
            let Pairs(next) = part.value("", |next: &Fingerprint| Pairs(*next))?;
            Some(next)
        }
        None => None,
    };
    pass.line(END)?;
    Ok(Certificates { current, next })
}

fn liveness<P: Pass<Config>>(pass: &mut P) -> Result<(), P::Error> {
    pass.explain(|_| {
        "
# Each end notices within 20 seconds that the other is gone, and looks for it again; a ping every
# 5 seconds also keeps a NAT from forgetting the tunnel."
    });
    pass.line("ping 5")?;
    pass.line("ping-restart 20")?;
    pass.line("persist-key")
}

fn conduct<P: Pass<Config>>(pass: &mut P) -> Result<(), P::Error> {
    pass.explain(|_| {
        "
# Compression leaks what is encrypted (VORACLE); nothing a peer says may start a program."
    });
    pass.line("allow-compression no")?;
    pass.line("script-security 0")?;
    pass.explain(|_| {
        "
# Connections and errors, but not each of a flood of them."
    });
    pass.line("verb 3")?;
    pass.line("mute 20")
}

/// The addresses of both ends, this one first.
struct Ends(IpAddr, IpAddr);

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

impl FromStr for Ends {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (local, remote) = text.split_once(' ').ok_or(())?;
        Ok(Self(local.parse().map_err(|_| ())?, remote.parse().map_err(|_| ())?))
    }
}

/// A fingerprint as OpenVPN has it: without the name of its hash.
struct Pairs(Fingerprint);

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.pairs())
    }
}

impl FromStr for Pairs {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        format!("SHA256:{text}").parse().map(Self).map_err(|_| ())
    }
}
