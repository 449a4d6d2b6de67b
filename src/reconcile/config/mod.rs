//! gateway.yaml: what a gateway knows about itself, and what it allows.

mod check;
mod notify;
mod remote;
mod value;

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Options;
use serde_saphyr::options::DuplicateKeyPolicy;

use crate::host::{FileError, Files, Source};
use crate::primitives::Name;

pub use check::{Check, MOST_CHECKS};
pub use notify::{Hook, LogTo};

/// gateway.yaml as its administrator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// The name of this gateway in mesh.yaml
    pub gateway: Name,
    /// The name of its mesh
    pub mesh: Name,
    /// Where releases come from, in the order in which they are tried
    #[serde(deserialize_with = "remote::list")]
    #[schemars(schema_with = "remote::schema")]
    pub remotes: Vec<Source>,
    /// What runs the OpenVPN processes
    #[serde(default)]
    pub services: ServiceManager,
    /// The user OpenVPN runs as. Without it: tieline-openvpn with systemd, otherwise the user that
    /// runs the reconciler
    #[serde(default)]
    pub openvpn_user: Option<String>,
    /// Where things are on this host
    #[serde(default)]
    pub paths: Paths,
    /// How many seconds fetching may take, all remotes together
    #[serde(default = "value::default_deadline", deserialize_with = "value::deadline")]
    #[schemars(range(min = 1, max = 3600))]
    pub fetch_deadline: u32,
    /// Each run waits up to so many seconds, each gateway for a time of its own that stays the
    /// same, so that cron does not have all of them ask at once. The timer of systemd does so anyway
    #[serde(default, deserialize_with = "value::splay")]
    #[schemars(range(max = 3600))]
    pub splay: u32,
    /// How a new release has to prove itself
    #[serde(default)]
    pub confirm: Confirm,
    /// What else has to work on this host: a release that breaks it is taken back
    #[serde(default, deserialize_with = "check::list")]
    #[schemars(schema_with = "check::schema")]
    pub checks: Vec<Check>,
    /// What even a validly signed bundle may do here
    #[serde(default)]
    pub policy: Policy,
    /// Where a run that has something to tell of writes it down, besides its output
    #[serde(default)]
    pub log: LogTo,
    /// The file that is written for node_exporter's textfile collector; without it none is
    #[serde(default, deserialize_with = "notify::metrics_file")]
    #[schemars(schema_with = "notify::metrics_schema")]
    pub metrics: Option<Utf8PathBuf>,
    /// What is run after a release was applied
    #[serde(default)]
    pub on_success: Option<Hook>,
    /// What is run after a run that failed in another way than the one before it
    #[serde(default)]
    pub on_failure: Option<Hook>,
    /// What is run after a release was rolled back
    #[serde(default)]
    pub on_rollback: Option<Hook>,
}

/// How a new release has to prove itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Confirm {
    /// How many seconds it has to become healthy; then it is rolled back
    #[serde(deserialize_with = "value::window")]
    #[schemars(range(min = 1, max = 3600))]
    pub window: u32,
}

/// What runs the OpenVPN processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceManager {
    /// Units of systemd, tieline-tunnel@tl-N.service
    #[default]
    Systemd,
    /// Plain daemons, for hosts without systemd
    Direct,
}

/// Where things are on this host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// The trusted root it was provisioned with
    #[serde(deserialize_with = "value::absolute")]
    #[schemars(schema_with = "value::absolute_schema")]
    pub root: Utf8PathBuf,
    /// The directory with openvpn.key and openvpn.crt
    #[serde(deserialize_with = "value::absolute")]
    #[schemars(schema_with = "value::absolute_schema")]
    pub identity: Utf8PathBuf,
    /// What outlives a reboot: generations and trusted metadata
    #[serde(deserialize_with = "value::absolute")]
    #[schemars(schema_with = "value::absolute_schema")]
    pub state: Utf8PathBuf,
    /// What does not: process ids, sockets, what has been applied since boot
    #[serde(deserialize_with = "value::absolute")]
    #[schemars(schema_with = "value::absolute_schema")]
    pub run: Utf8PathBuf,
}

/// What even a validly signed bundle may do here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The file it stands in, for messages
    #[serde(skip)]
    pub file: Utf8PathBuf,
    /// Routes may lead to these networks and parts of them. Without it: the private ones of
    /// RFC 1918 and RFC 4193
    #[serde(deserialize_with = "value::networks")]
    #[schemars(with = "Vec<String>")]
    pub allowed_networks: Vec<IpNet>,
}

/// Why gateway.yaml cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the gateway's configuration")]
    File(#[from] FileError),
    /// It is not text.
    #[error("{path} is not UTF-8")]
    Encoding {
        /// The file.
        path: Utf8PathBuf,
    },
    /// It does not say what it should.
    #[error("{path}:{line}:{column}: {message}")]
    Content {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong there.
        message: String,
    },
}

impl GatewayConfig {
    /// Where it is unless told otherwise.
    pub const PATH: &'static str = "/etc/tieline/gateway.yaml";

    /// The most it is long, in bytes.
    const LIMIT: u64 = 64 << 10;

    /// The user of the units in packaging/systemd.
    const UNIT_USER: &'static str = "tieline-openvpn";

    /// Reads the file at `path`.
    pub fn load(files: &dyn Files, path: &Utf8Path) -> Result<Self, ConfigError> {
        let content = files.read(path, Self::LIMIT)?;
        let text = String::from_utf8(content)
            .map_err(|_| ConfigError::Encoding { path: path.to_owned() })?;
        Self::parse(&text, path)
    }

    /// Reads `text`; `path` is for messages.
    pub fn parse(text: &str, path: &Utf8Path) -> Result<Self, ConfigError> {
        let parsed = serde_saphyr::from_str_with_options(text, options());
        let mut config: Self = parsed.map_err(|error| {
            let error = error.without_snippet();
            let place = error.location();
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(&*message, |(text, _)| text);
            // What follows is for whoever calls the library.
            let message = message.split(", set DuplicateKeyPolicy").next().unwrap_or(message);
            ConfigError::Content {
                path: path.to_owned(),
                line: place.map_or(1, |place| place.line()),
                column: place.map_or(1, |place| place.column()),
                message: message.to_owned(),
            }
        })?;
        path.clone_into(&mut config.policy.file);
        Ok(config)
    }

    /// Its JSON Schema, as in `schema/gateway.schema.json`.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        let mut schema = schemars::schema_for!(Self);
        schema.insert("title".to_owned(), "gateway.yaml".into());
        schema
    }

    /// The user OpenVPN runs as; `None` for whoever runs the reconciler.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match (&self.openvpn_user, self.services) {
            (Some(user), _) => Some(user),
            (None, ServiceManager::Systemd) => Some(Self::UNIT_USER),
            (None, ServiceManager::Direct) => None,
        }
    }

    /// How long fetching may take, all remotes together.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.fetch_deadline.into())
    }
}

impl Paths {
    /// The link to the generation in use.
    #[must_use]
    pub fn current(&self) -> Utf8PathBuf {
        self.state.join("current")
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            root: "/etc/tieline/root.json".into(),
            identity: "/etc/tieline/identity".into(),
            state: "/var/lib/tieline".into(),
            run: "/run/tieline".into(),
        }
    }
}

impl Confirm {
    /// How long a new release has to become healthy.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_secs(self.window.into())
    }
}

impl Default for Confirm {
    fn default() -> Self {
        Self { window: 120 }
    }
}

impl Default for Policy {
    fn default() -> Self {
        let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
        Self {
            file: GatewayConfig::PATH.into(),
            allowed_networks: private.iter().filter_map(|text| text.parse().ok()).collect(),
        }
    }
}

/// A file for people: small, flat, and without YAML's stranger features.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 8,
            flow_nesting_limit: 8,
            max_nodes: 2000,
            max_events: 8000,
            max_anchors: 0,
            max_aliases: 0,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests;
