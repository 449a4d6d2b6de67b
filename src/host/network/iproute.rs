//! Changes to the network, by the programs every distribution has: `ip` and `nft`.

use std::net::IpAddr;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::netlink;
use super::{
    Ipv6, Link, LinkKind, Network, NetworkError, NetworkState, ROUTE_PROTOCOL, RouteKey, Via,
};
use crate::host::{Command, Files, Processes, RealFiles, RealProcesses};
use crate::primitives::Device;

/// How long one `ip` or `nft` has.
const LIMIT: Duration = Duration::from_secs(20);

/// How much of a kernel setting is read, in bytes.
const SETTING_LIMIT: u64 = 4096;

/// The network namespace this process is in.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelNetwork;

impl Network for KernelNetwork {
    fn observe(&self) -> Result<NetworkState, NetworkError> {
        netlink::observe()
    }

    fn set_link(&self, device: Device, link: &Link) -> Result<(), NetworkError> {
        let name = device.to_string();
        let there = netlink::observe()?.links.remove(&device);
        // The owner is fixed when a device is made; a device we cannot explain is made anew.
        if !matches!(&there, Some(Some(there)) if (there.kind, there.owner) == (link.kind, link.owner))
        {
            if there.is_some() {
                self.remove_link(device)?;
            }
            let owner = link.owner.to_string();
            match link.kind {
                LinkKind::Tun => {
                    ip(&["tuntap", "add", "dev", &name, "mode", "tun", "user", &owner])?;
                }
            }
        }
        let mtu = link.mtu.to_string();
        if there.is_some() && !has_ipv6_settings(device) {
            // The kernel takes them from a device whose MTU is below 1,280 (RFC 8200), and makes them
            // anew, open to everything, when it rises: that must not happen while the device is up.
            ip(&["link", "set", "dev", &name, "down"])?;
            ip(&["link", "set", "dev", &name, "mtu", &mtu])?;
        }
        self.guard_link(device, link)?;
        ip(&["link", "set", "dev", &name, "mtu", &mtu, "up"])?;
        if !matches!(&there, Some(Some(there)) if (there.local, there.remote) == (link.local, link.remote))
        {
            ip(&["address", "flush", "dev", &name])?;
            let (local, remote) = (link.local.to_string(), link.remote.to_string());
            ip(&["address", "add", &local, "peer", &remote, "dev", &name])?;
        }
        Ok(())
    }

    fn guard_link(&self, device: Device, link: &Link) -> Result<(), NetworkError> {
        if !has_ipv6_settings(device) {
            return Ok(());
        }
        let carried = Ipv6::of(link).carried;
        // The last one takes every IPv6 address and route away where it becomes 1.
        let wanted = [
            ("addr_gen_mode", "1"),
            ("accept_ra", "0"),
            ("accept_redirects", "0"),
            ("disable_ipv6", if carried { "0" } else { "1" }),
        ];
        for (setting, value) in wanted {
            let setting = format!("net.ipv6.conf.{device}.{setting}");
            if self.setting(&setting)? != value {
                self.set_setting(&setting, value)?;
            }
        }
        if carried {
            let name = device.to_string();
            ip(&["-6", "address", "flush", "dev", &name, "scope", "link"])?;
            ip(&["-6", "route", "flush", "dev", &name, "proto", "ra"])?;
        }
        Ok(())
    }

    fn remove_link(&self, device: Device) -> Result<(), NetworkError> {
        if !netlink::observe()?.links.contains_key(&device) {
            return Ok(());
        }
        ip(&["link", "delete", "dev", &device.to_string()])
    }

    fn set_route(&self, route: RouteKey, via: &Via) -> Result<(), NetworkError> {
        let (to, device, source) =
            (route.to.to_string(), via.device.to_string(), via.source.to_string());
        let (protocol, metric) = (ROUTE_PROTOCOL.to_string(), route.metric.to_string());
        let set = |how| {
            let mut arguments = vec![family(via.source), "route", how, &to, "dev", &device];
            arguments.extend(["src", &source, "proto", &protocol]);
            if route.metric != 0 {
                arguments.extend(["metric", &metric]);
            }
            ip(&arguments)
        };
        // The kernel does not ask whose route it changes, so that is only for what cannot be added, and
        // has been looked at.
        if set("add").is_ok() {
            return Ok(());
        }
        match netlink::observe()?.foreign_routes.remove(&route) {
            Some(by) => Err(NetworkError::Occupied { route, by }),
            None => set("change"),
        }
    }

    fn remove_route(&self, route: RouteKey, device: Device) -> Result<(), NetworkError> {
        if netlink::observe()?.routes.get(&route).is_none_or(|via| via.device != device) {
            return Ok(());
        }
        let (protocol, metric) = (ROUTE_PROTOCOL.to_string(), route.metric.to_string());
        let (to, device) = (route.to.to_string(), device.to_string());
        let mut arguments = vec![family(route.to.addr()), "route", "delete", &to, "dev", &device];
        arguments.extend(["proto", &protocol]);
        if route.metric != 0 {
            arguments.extend(["metric", &metric]);
        }
        ip(&arguments)
    }

    fn load_ruleset(&self, file: &Utf8Path) -> Result<(), NetworkError> {
        nft(&["-f", file.as_str()])
    }

    fn remove_table(&self) -> Result<(), NetworkError> {
        // Deleting what is not there is an error, adding what is there is none.
        nft(&["add table inet tieline; delete table inet tieline"])
    }

    fn setting(&self, name: &str) -> Result<String, NetworkError> {
        let fail = |source| NetworkError::Setting { action: "read", name: name.to_owned(), source };
        let value = RealFiles.read(&setting_path(name), SETTING_LIMIT).map_err(fail)?;
        Ok(String::from_utf8_lossy(&value).trim().to_owned())
    }

    fn set_setting(&self, name: &str, value: &str) -> Result<(), NetworkError> {
        let path = setting_path(name);
        let fail =
            |source| NetworkError::Setting { action: "change", name: name.to_owned(), source };
        RealFiles::overwrite(&path, value.as_bytes()).map_err(fail)
    }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "-4" } else { "-6" }
}

/// Whether the kernel knows IPv6, and `device` has an MTU that IPv6 can work with.
fn has_ipv6_settings(device: Device) -> bool {
    setting_path(&format!("net.ipv6.conf.{device}")).exists()
}

fn setting_path(name: &str) -> Utf8PathBuf {
    Utf8Path::new("/proc/sys").join(name.replace('.', "/"))
}

fn ip(arguments: &[&str]) -> Result<(), NetworkError> {
    run("ip", arguments, "change the network")
}

fn nft(arguments: &[&str]) -> Result<(), NetworkError> {
    run("nft", arguments, "change the firewall")
}

fn run(program: &str, arguments: &[&str], action: &'static str) -> Result<(), NetworkError> {
    let command = Command::system(program).args(arguments.iter().copied()).limit(LIMIT);
    let fail = |source| NetworkError::Command { action, source };
    RealProcesses.demand(&command).map(drop).map_err(fail)
}
