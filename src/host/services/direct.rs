//! OpenVPN as plain daemons, for hosts without systemd: containers, and the lab.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use rustix::process::geteuid;

use super::{Process, ServiceError, Services, TunnelFiles, process};
use crate::host::users::give;
use crate::host::{
    Command, Files, Mode, Output, Processes, RealFiles, RealProcesses, User, user_by_name,
};
use crate::primitives::Device;

/// The most a key or certificate is long, in bytes.
const CREDENTIAL_LIMIT: u64 = 1 << 16;

/// How long OpenVPN has for reading its options and going into the background.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Runs OpenVPN with `--daemon`, without any capability: the devices are there already, so it
/// needs none.
#[derive(Debug)]
pub struct Direct {
    files: TunnelFiles,
    user: Option<String>,
}

impl Direct {
    /// Tunnels that find their files in `files` and run as `user`; as the caller without one.
    #[must_use]
    pub fn new(files: TunnelFiles, user: Option<String>) -> Self {
        Self { files, user }
    }

    fn user(&self) -> Result<Option<User>, ServiceError> {
        let Some(name) = &self.user else { return Ok(None) };
        let user = user_by_name(name)?;
        user.map(Some).ok_or_else(|| ServiceError::NoUser { user: name.clone() })
    }

    /// Certificate and key as the user can read them: as they are, or as copies of the user's
    /// own on the tmpfs of the run directory, like systemd's LoadCredential= makes them.
    fn credentials(&self, user: Option<User>) -> Result<[Utf8PathBuf; 2], ServiceError> {
        let names = ["openvpn.crt", "openvpn.key"];
        let copies = names.map(|name| self.files.run.join(name));
        let Some(user) = user else {
            // Those of a user that gateway.yaml named before are not left behind.
            for copy in &copies {
                RealFiles.remove(copy)?;
            }
            return Ok(names.map(|name| self.files.identity.join(name)));
        };
        for (name, copy) in names.iter().zip(&copies) {
            let source = self.files.identity.join(name);
            RealFiles.replace(copy, &RealFiles.read(&source, CREDENTIAL_LIMIT)?, Mode::Private)?;
            give(copy, user)?;
        }
        Ok(copies)
    }

    fn launch(&self, device: Device) -> Result<(), ServiceError> {
        let files = &self.files;
        RealFiles.create_dir(&files.run)?;
        let user = self.user()?;
        // Whoever it was before: OpenVPN writes here without a capability, so it has to own it.
        let owner = user.unwrap_or_else(User::current);
        give(&files.run, owner)?;
        let [certificate, key] = self.credentials(user)?;
        let pid_file = files.pid_file(device);
        let log = files.log(device);
        // Whoever still has its port and its device.
        process::end(files, device)?;
        for stale in [&pid_file, &log, &files.socket(device)] {
            RealFiles.remove(stale)?;
        }
        let name = format!("tieline-{device}");
        let (config, socket) = (files.config(device), files.socket(device));
        let command = Command::system("setpriv")
            .args(drop_privileges(user))
            .args(["openvpn", "--cd", files.run.as_str(), "--config", config.as_str()])
            .args(["--cert", certificate.as_str(), "--key", key.as_str()])
            .args(["--management", socket.as_str(), "unix"])
            .args(only_root().iter().copied())
            .args(["--writepid", pid_file.as_str(), "--log-append", log.as_str()])
            .args(["--daemon", &name])
            .limit(START_LIMIT);
        let fail = |source| ServiceError::Command { device, action: "start OpenVPN", source };
        let output = RealProcesses.run(&command).map_err(fail)?;
        if output.success() { self.settle(device) } else { Err(self.ended(device, &output)) }
    }

    /// Waits until the daemon answers, or has failed over its key or its device.
    fn settle(&self, device: Device) -> Result<(), ServiceError> {
        if process::settles(&self.files, device) {
            return Ok(());
        }
        Err(self.ended(device, &Output::default()))
    }

    fn ended(&self, device: Device, output: &Output) -> ServiceError {
        let log = self.files.log(device);
        let logged = RealFiles::read_foreign(&log, CREDENTIAL_LIMIT).unwrap_or_default();
        let text = [output.stdout.as_slice(), &output.stderr, &logged].concat();
        let text = String::from_utf8_lossy(&text);
        // The very last line says only that it is the last.
        let telling = |line: &&str| !line.trim().is_empty() && !line.contains("Exiting due to");
        let last = text.lines().rfind(telling);
        let last = last.map(|line| format!(": {}", timeless(line).trim())).unwrap_or_default();
        ServiceError::Ended { device, log: log.into_string(), last }
    }
}

/// A line of OpenVPN's log without its time, `2030-01-31 12:00:00 `: the same failure twice is to be
/// told in the same words.
fn timeless(line: &str) -> &str {
    let time = |c: char| c.is_ascii_digit() || "-: ".contains(c);
    match line.split_at_checked(20) {
        Some((stamp, rest)) if stamp.chars().all(time) => rest,
        _ => line,
    }
}

/// OpenVPN lets everybody write to its socket, and who does can end the tunnel: so it has to look
/// at who connects.
fn only_root() -> &'static [&'static str] {
    if geteuid().is_root() { &["--management-client-user", "root"] } else { &[] }
}

/// Arguments of setpriv(1): OpenVPN takes packets from strangers, so it gets to keep nothing of
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
    fn running(&self) -> Result<BTreeMap<Device, Process>, ServiceError> {
        Ok(process::running(&self.files)?)
    }

    fn start(&self, device: Device) -> Result<(), ServiceError> {
        if process::find(&self.files, device)?.is_some() {
            return Ok(());
        }
        self.launch(device)
    }

    fn restart(&self, device: Device) -> Result<(), ServiceError> {
        self.launch(device)
    }

    fn stop(&self, device: Device) -> Result<(), ServiceError> {
        process::end(&self.files, device)?;
        for left in [self.files.pid_file(device), self.files.socket(device), self.files.log(device)]
        {
            RealFiles.remove(&left)?;
        }
        Ok(())
    }
}
