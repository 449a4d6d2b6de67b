//! What the commands of a gateway have in common: gateway.yaml, and the machine it describes.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, Exit, Failure};
use crate::host::git::Remotes;
use crate::host::{
    Direct, FileError, Files, KernelNetwork, RealProbes, Services, Systemd, current_user,
    user_by_name,
};
use crate::primitives::{Fingerprint, pem};
use crate::reconcile::{
    ConfigError, Events, Gateway, GatewayConfig, Machine, OnDrift, ServiceManager,
};

/// The most a certificate is long, in bytes.
const CERTIFICATE_LIMIT: u64 = 64 << 10;

/// The option every command of a gateway has.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// Read the gateway's configuration from FILE
    #[arg(long, value_name = "FILE", default_value = GatewayConfig::PATH)]
    config: Utf8PathBuf,
}

/// The real parts of a gateway that its configuration chooses.
pub(super) struct Parts {
    pub(super) services: Box<dyn Services>,
    pub(super) network: KernelNetwork,
    pub(super) probes: RealProbes,
}

impl ConfigArgs {
    /// Reads gateway.yaml.
    pub(super) fn load(&self, context: &Context) -> Result<GatewayConfig, Failure> {
        let path = context.path(&self.config);
        GatewayConfig::load(context.host.files, &path).map_err(|error| {
            let failure = Failure::new(Exit::Configuration, &error);
            match &error {
                ConfigError::File(cause) if cause.is_not_found() => failure.hint(
                    "write the file, or say where it is with --config; the Debian package has one to \
                     begin with: /usr/share/doc/tieline/examples/gateway.yaml",
                ),
                _ => failure.hint(
                    "correct the file; what may stand in it is in /usr/share/doc/tieline/gateway.md \
                     of the Debian package",
                ),
            }
        })
    }
}

impl Parts {
    /// The parts that `config` chooses.
    pub(super) fn new(config: &GatewayConfig) -> Self {
        let services: Box<dyn Services> = match config.services {
            ServiceManager::Systemd => Box::new(Systemd),
            ServiceManager::Direct => Box::new(Direct::new(config.user().map(str::to_owned))),
        };
        Self { services, network: KernelNetwork, probes: RealProbes }
    }
}

impl Parts {
    /// What of this machine a gateway is made of.
    pub(super) fn machine<'a>(&'a self, context: &Context<'a>) -> Machine<'a> {
        Machine {
            files: context.host.files,
            clock: context.host.clock,
            network: &self.network,
            services: &*self.services,
            probes: &self.probes,
            remotes: context.host.git as &dyn Remotes,
            mirrors: context.host.mirrors,
        }
    }

    /// The gateway that `config` describes, on this machine.
    pub(super) fn gateway<'a>(
        &'a self,
        context: &Context<'a>,
        config: &'a GatewayConfig,
        events: &'a Events,
    ) -> Result<Gateway<'a>, Failure> {
        Ok(Gateway {
            machine: self.machine(context),
            config,
            events,
            identity: identity(context.host.files, config)?,
            owner: owner(config)?,
            drift: OnDrift::Repair,
            attended: context.terminal.is_attended(),
        })
    }
}

/// The fingerprint of the gateway's certificate.
fn identity(files: &dyn Files, config: &GatewayConfig) -> Result<Fingerprint, Failure> {
    let path = config.paths.identity.join("openvpn.crt");
    let enroll = || format!("`tieline enroll {}` makes the gateway's key pair", config.gateway);
    let content = files.read(&path, CERTIFICATE_LIMIT).map_err(|error| {
        let failure = Failure::new(Exit::Configuration, &error);
        if error.is_not_found() { failure.hint(enroll()) } else { failure }
    })?;
    let certificate = str::from_utf8(&content).ok().and_then(pem::certificate);
    let certificate = certificate.ok_or_else(|| no_certificate(&path).hint(enroll()))?;
    Ok(Fingerprint::of_der(&certificate))
}

fn no_certificate(path: &Utf8Path) -> Failure {
    Failure::say(Exit::Configuration, format!("{path} is not a certificate in PEM"))
}

/// The id of the user OpenVPN runs as.
fn owner(config: &GatewayConfig) -> Result<u32, Failure> {
    let Some(name) = config.user() else { return Ok(current_user()) };
    let unreadable = |error: FileError| Failure::new(Exit::Configuration, &error);
    let user = user_by_name(name).map_err(unreadable)?;
    user.map(|user| user.id).ok_or_else(|| {
        Failure::say(Exit::Configuration, format!("there is no user {name} for OpenVPN to run as"))
            .hint(
                "`systemd-sysusers` makes it out of packaging/sysusers.d/tieline.conf; or name \
                 another with openvpn_user in gateway.yaml",
            )
    })
}
