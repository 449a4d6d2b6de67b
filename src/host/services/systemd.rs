//! Daemons as units of systemd, such as `tieline-tunnel@tl-3.service`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Daemon, Process, Service, ServiceError, Services, check, process};
use crate::host::{Command, Processes, RealProcesses};
use crate::primitives::UnitId;

/// How long `systemctl` has; a unit that does not stop is killed after TimeoutStopSec= of it.
const LIMIT: Duration = Duration::from_secs(30);

/// Has systemd run the daemons, with the template units of `packaging/systemd/`. `systemctl` runs
/// only to change something; what runs is read from the pid files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Systemd;

impl Systemd {
    /// Starting a unit means nothing yet: systemd goes on trying with one that ends at once.
    fn settle(service: &Service) -> Result<(), ServiceError> {
        if process::settles(service) {
            return Ok(());
        }
        Err(ServiceError::Ended {
            service: service.label.clone(),
            daemon: service.daemon.title,
            log: format!("`journalctl -u {}`", service.systemd_unit),
            last: String::new(),
        })
    }

    fn systemctl(service: &Service, verb: &'static str) -> Result<(), ServiceError> {
        let unit = service.systemd_unit.as_str();
        let command = Command::system("systemctl").args(["--no-ask-password", verb, unit]);
        let result = RealProcesses.demand(&command.limit(LIMIT));
        let action = match verb {
            "stop" => "stop its unit",
            "restart" => "restart its unit",
            "reload" => "reload its unit",
            _ => "start its unit",
        };
        result.map(drop).map_err(|source| service.fail(action, source))
    }
}

impl Services for Systemd {
    fn running(&self, daemon: &Daemon) -> Result<BTreeMap<UnitId, Process>, ServiceError> {
        Ok(process::running(daemon)?)
    }

    fn start(&self, service: &Service) -> Result<(), ServiceError> {
        Self::systemctl(service, "start")?;
        Self::settle(service)
    }

    fn restart(&self, service: &Service) -> Result<(), ServiceError> {
        Self::systemctl(service, "restart")?;
        Self::settle(service)
    }

    fn stop(&self, service: &Service) -> Result<(), ServiceError> {
        Self::systemctl(service, "stop")
    }

    fn reload(&self, service: &Service) -> Result<(), ServiceError> {
        match service.reload {
            Some(_) => Self::systemctl(service, "reload"),
            None => self.restart(service),
        }
    }

    fn check(&self, service: &Service) -> Result<(), ServiceError> {
        check::check(service)
    }
}
