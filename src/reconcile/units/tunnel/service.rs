//! OpenVPN as a service (openvpn(8)): how it is started, and how its processes are recognised.

use super::files::OpenVpnFiles;
use super::{KIND, id};
use crate::host::{Argument, Daemon, Launch, Service};
use crate::primitives::Device;

pub(super) fn daemon(files: &OpenVpnFiles) -> Daemon {
    Daemon { kind: KIND, title: "OpenVPN", run: files.run.clone(), pid_option: "--writepid" }
}

/// The service of the tunnel that has this device. What differs from host to host is not in its
/// configuration but on its command line, here as in the template unit of `packaging/systemd/`.
pub(super) fn service(device: Device, files: &OpenVpnFiles) -> Service {
    let (configuration, socket, log) =
        (files.configuration(device), files.socket(device), files.log(device));
    let daemon = daemon(files);
    let pid_file = daemon.pid_file(&device.to_string());
    let text = |text: &str| Argument::Text(text.to_owned());
    let secret = |name: &str| Argument::Secret(files.identity.join(name));
    let arguments = vec![
        text("--cd"),
        text(files.run.as_str()),
        text("--config"),
        text(configuration.as_str()),
        text("--cert"),
        secret("openvpn.crt"),
        text("--key"),
        secret("openvpn.key"),
        text("--management"),
        text(socket.as_str()),
        text("unix"),
        text("--writepid"),
        text(pid_file.as_str()),
        text("--log-append"),
        text(log.as_str()),
        text("--daemon"),
        text(&format!("tieline-{device}")),
    ];
    Service {
        id: id(device),
        label: format!("tunnel {device}"),
        daemon,
        systemd_unit: format!("tieline-tunnel@{device}.service"),
        launch: Launch {
            program: "openvpn",
            arguments,
            // OpenVPN lets everybody write to its socket, and who does can end the tunnel: so it
            // has to look at who connects.
            arguments_of_root: ["--management-client-user", "root"].map(str::to_owned).to_vec(),
            log: log.clone(),
        },
        configuration,
        // OpenVPN has no mode that only checks, and loses its key with its privileges, so that
        // SIGHUP would end it.
        check: None,
        reload: None,
        answers_on: Some(socket.clone()),
        leftovers: vec![socket, log],
    }
}
