//! Where OpenVPN processes find what they need.

use camino::Utf8PathBuf;

use crate::primitives::Device;
use crate::reconcile::config::Paths;

/// The files of OpenVPN processes. They have a directory of their own, because their user writes into
/// it.
#[derive(Debug, Clone)]
pub struct OpenVpnFiles {
    /// The link to the generation in use; a tunnel reads `openvpn/<device>.conf` below it.
    pub current: Utf8PathBuf,
    /// `openvpn.key` and `openvpn.crt`.
    pub identity: Utf8PathBuf,
    /// Process ids, management sockets and logs of tunnels, one of each by device.
    pub run: Utf8PathBuf,
}

impl OpenVpnFiles {
    /// Where they are on a host with these paths.
    #[must_use]
    pub fn of(paths: &Paths) -> Self {
        Self {
            current: paths.current(),
            identity: paths.identity.clone(),
            run: paths.run.join("openvpn"),
        }
    }

    /// The configuration of a tunnel.
    #[must_use]
    pub fn configuration(&self, device: Device) -> Utf8PathBuf {
        self.current.join(format!("openvpn/{device}.conf"))
    }

    /// The socket on which the process of a tunnel answers questions.
    #[must_use]
    pub fn socket(&self, device: Device) -> Utf8PathBuf {
        self.run.join(format!("{device}.sock"))
    }

    /// The file that OpenVPN writes its log to, where there is no systemd.
    #[must_use]
    pub fn log(&self, device: Device) -> Utf8PathBuf {
        self.run.join(format!("{device}.log"))
    }
}
