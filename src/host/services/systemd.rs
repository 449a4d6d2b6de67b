//! OpenVPN as units of systemd: `tieline-tunnel@<device>.service`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Process, ServiceError, Services, TunnelFiles, process};
use crate::host::{Command, Processes, RealProcesses};
use crate::primitives::Device;

/// How long `systemctl` has; a unit that does not stop is killed after TimeoutStopSec= of it.
const LIMIT: Duration = Duration::from_secs(30);

/// Has systemd run the tunnels, with the template unit of `packaging/systemd/`. `systemctl` runs
/// only to change something; what runs is read from the pid files.
#[derive(Debug)]
pub struct Systemd {
    files: TunnelFiles,
}

impl Systemd {
    /// Tunnels whose units write their process ids below `files.run`.
    #[must_use]
    pub fn new(files: TunnelFiles) -> Self {
        Self { files }
    }

    /// Starting a unit means nothing yet: systemd goes on trying with one that ends at once.
    fn settle(&self, device: Device) -> Result<(), ServiceError> {
        if process::settles(&self.files, device) {
            return Ok(());
        }
        let log = format!("`journalctl -u {}`", unit(device));
        Err(ServiceError::Ended { device, log, last: String::new() })
    }

    fn systemctl(device: Device, verb: &'static str) -> Result<(), ServiceError> {
        let unit = unit(device);
        let command = Command::system("systemctl").args(["--no-ask-password", verb, &unit]);
        let result = RealProcesses.demand(&command.limit(LIMIT));
        let action = match verb {
            "stop" => "stop its unit",
            "restart" => "restart its unit",
            _ => "start its unit",
        };
        result.map(drop).map_err(|source| ServiceError::Command { device, action, source })
    }
}

fn unit(device: Device) -> String {
    format!("tieline-tunnel@{device}.service")
}

impl Services for Systemd {
    fn running(&self) -> Result<BTreeMap<Device, Process>, ServiceError> {
        Ok(process::running(&self.files)?)
    }

    fn start(&self, device: Device) -> Result<(), ServiceError> {
        Self::systemctl(device, "start")?;
        self.settle(device)
    }

    fn restart(&self, device: Device) -> Result<(), ServiceError> {
        Self::systemctl(device, "restart")?;
        self.settle(device)
    }

    fn stop(&self, device: Device) -> Result<(), ServiceError> {
        Self::systemctl(device, "stop")
    }
}
