//! How a command gets at a git server, and where it works meanwhile.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::trust::KeySource;
use super::{Context, Exit, Failure};
use crate::host::git::{Remote, RemoteUrl, Token};

/// What it takes to be let in by a git server.
#[derive(Debug, clap::Args)]
pub(super) struct Access {
    /// Use the private key in FILE for ssh instead of the agent's keys
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<Utf8PathBuf>,

    /// Believe only the ssh host keys in FILE
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<Utf8PathBuf>,

    /// Believe only the certificate authorities in FILE (PEM) for https
    #[arg(long, value_name = "FILE")]
    ca: Option<Utf8PathBuf>,

    /// Use the token in FILE, or in the environment variable NAME, for https
    #[arg(long, value_name = "FILE|env:NAME")]
    token: Option<KeySource>,

    /// Give up an exchange with the server after SECONDS
    #[arg(long, value_name = "SECONDS", default_value = "600",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl Access {
    /// The remote at `url`.
    pub(super) fn remote(&self, url: &str, context: &Context) -> Result<Remote, Failure> {
        // Not parsed by clap, which would repeat a password in its message.
        let url: RemoteUrl = url.parse().map_err(|error| Failure::new(Exit::Usage, &error))?;
        let path = |path: &Option<Utf8PathBuf>| path.as_ref().map(|path| context.path(path));
        let mut remote = Remote {
            ssh_key: path(&self.ssh_key),
            known_hosts: path(&self.known_hosts),
            ca: path(&self.ca),
            ssh_agent: self.ssh_key.is_none(),
            ..Remote::new(url)
        };
        match &self.token {
            Some(KeySource::Environment(name)) => {
                let token = context.host.environment.get(name).ok_or_else(|| {
                    Failure::say(Exit::Usage, format!("the environment variable {name} is not set"))
                })?;
                remote.token = Some(Token::new(token.as_str().to_owned()));
            }
            Some(KeySource::File(file)) => remote.token_file = Some(context.path(file)),
            None => {}
        }
        remote.check().map_err(|error| Failure::new(Exit::Usage, &error))?;
        Ok(remote)
    }

    /// The only certificate authorities that are believed, where that is said.
    pub(super) fn authorities(&self, context: &Context) -> Option<Utf8PathBuf> {
        self.ca.as_ref().map(|path| context.path(path))
    }

    /// How long one exchange may take.
    pub(super) fn deadline(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// A directory that goes away with the first of the two.
pub(super) fn workspace(prefix: &str) -> Result<(tempfile::TempDir, Utf8PathBuf), Failure> {
    let unusable = |what: String| {
        Failure::say(Exit::Failure, format!("cannot make a temporary directory: {what}"))
    };
    let directory = tempfile::Builder::new().prefix(prefix).tempdir();
    let directory = directory.map_err(|error| unusable(error.to_string()))?;
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned());
    let path = path.map_err(|path| unusable(format!("{} is not UTF-8", path.display())))?;
    Ok((directory, path))
}
