//! Daemons as plain processes, for hosts without systemd: containers, and the lab.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::geteuid;

use super::{Argument, Daemon, Process, Service, ServiceError, Services, check, process};
use crate::host::users::give;
use crate::host::{
    Command, Files, Mode, Output, Processes, RealFiles, RealProcesses, User, user_by_name,
};
use crate::primitives::UnitId;

/// The most a secret is long, in bytes; and how much of a log is read.
const SECRET_LIMIT: u64 = 1 << 16;

/// How long a daemon has for reading its options and going into the background.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Starts daemons without any capability: their devices are there already, so they need none.
#[derive(Debug)]
pub struct Direct {
    user: Option<String>,
}

impl Direct {
    /// Daemons that run as `user`; as the caller without one.
    #[must_use]
    pub fn new(user: Option<String>) -> Self {
        Self { user }
    }

    fn user(&self) -> Result<Option<User>, ServiceError> {
        let Some(name) = &self.user else { return Ok(None) };
        let user = user_by_name(name)?;
        user.map(Some).ok_or_else(|| ServiceError::NoUser { user: name.clone() })
    }

    fn launch(&self, service: &Service) -> Result<(), ServiceError> {
        let run = &service.daemon.run;
        RealFiles.create_dir(run)?;
        let user = self.user()?;
        // Whoever it was before: the daemon writes here without a capability, so it has to own it.
        let owner = user.unwrap_or_else(User::current);
        give(run, owner)?;
        let arguments = arguments(service, user)?;
        // Whoever still has its port and its device.
        process::end(service)?;
        for stale in service.leftovers.iter().chain([&service.pid_file()]) {
            RealFiles.remove(stale)?;
        }
        let command = Command::system("setpriv")
            .args(drop_privileges(user))
            .args([service.launch.program])
            .args(arguments)
            .limit(START_LIMIT);
        let fail = |source| service.fail("start the daemon", source);
        let output = RealProcesses.run(&command).map_err(fail)?;
        if !output.success() {
            return Err(ended(service, &output));
        }
        if process::settles(service) { Ok(()) } else { Err(ended(service, &Output::default())) }
    }
}

fn arguments(service: &Service, user: Option<User>) -> Result<Vec<String>, ServiceError> {
    let mut arguments = Vec::new();
    for argument in &service.launch.arguments {
        arguments.push(match argument {
            Argument::Text(text) => text.clone(),
            Argument::Secret(path) => secret(path, &service.daemon.run, user)?.into_string(),
        });
    }
    if geteuid().is_root() {
        arguments.extend(service.launch.arguments_of_root.iter().cloned());
    }
    Ok(arguments)
}

/// A secret as the user can read it: as it is, or as a copy of the user's own on the tmpfs of the run
/// directory, like systemd's LoadCredential= makes it.
fn secret(
    path: &Utf8Path,
    run: &Utf8Path,
    user: Option<User>,
) -> Result<Utf8PathBuf, ServiceError> {
    let copy = run.join(path.file_name().unwrap_or_default());
    let Some(user) = user else {
        // That of a user whom gateway.yaml named before is not left behind.
        RealFiles.remove(&copy)?;
        return Ok(path.to_owned());
    };
    RealFiles.replace(&copy, &RealFiles.read(path, SECRET_LIMIT)?, Mode::Private)?;
    give(&copy, user)?;
    Ok(copy)
}

fn ended(service: &Service, output: &Output) -> ServiceError {
    let log = &service.launch.log;
    let logged = RealFiles::read_foreign(log, SECRET_LIMIT).unwrap_or_default();
    let text = [output.stdout.as_slice(), &output.stderr, &logged].concat();
    let text = String::from_utf8_lossy(&text);
    // The very last line of OpenVPN says only that it is the last.
    let telling = |line: &&str| !line.trim().is_empty() && !line.contains("Exiting due to");
    let last = text.lines().rfind(telling);
    let last = last.map(|line| format!(": {}", timeless(line).trim())).unwrap_or_default();
    let (label, daemon) = (service.label.clone(), service.daemon.title);
    ServiceError::Ended { service: label, daemon, log: log.to_string(), last }
}

/// A line of a log without its time, `2030-01-31 12:00:00 `: the same failure twice is to be
/// told in the same words.
fn timeless(line: &str) -> &str {
    let time = |c: char| c.is_ascii_digit() || "-: ".contains(c);
    match line.split_at_checked(20) {
        Some((stamp, rest)) if stamp.chars().all(time) => rest,
        _ => line,
    }
}

/// Arguments of setpriv(1): a daemon takes packets from strangers, so it gets to keep nothing of
/// root's.
fn drop_privileges(user: Option<User>) -> Vec<String> {
    let mut arguments = vec!["--no-new-privs".to_owned()];
    if geteuid().is_root() {
        arguments.extend(["--inh-caps=-all", "--bounding-set=-all"].map(str::to_owned));
    }
    if let Some(user) = user {
        arguments.push(format!("--reuid={}", user.id));
        arguments.push(format!("--regid={}", user.group));
        arguments.push("--clear-groups".to_owned());
    }
    arguments
}

impl Services for Direct {
    fn running(&self, daemon: &Daemon) -> Result<BTreeMap<UnitId, Process>, ServiceError> {
        Ok(process::running(daemon)?)
    }

    fn start(&self, service: &Service) -> Result<(), ServiceError> {
        if process::find(&service.daemon, service.id.name())?.is_some() {
            return Ok(());
        }
        self.launch(service)
    }

    fn restart(&self, service: &Service) -> Result<(), ServiceError> {
        self.launch(service)
    }

    fn stop(&self, service: &Service) -> Result<(), ServiceError> {
        process::end(service)?;
        for left in service.leftovers.iter().chain([&service.pid_file()]) {
            RealFiles.remove(left)?;
        }
        Ok(())
    }

    fn reload(&self, service: &Service) -> Result<(), ServiceError> {
        match service.reload {
            Some(by) => process::reload(service, by),
            None => self.restart(service),
        }
    }

    fn check(&self, service: &Service) -> Result<(), ServiceError> {
        check::check(service)
    }
}
