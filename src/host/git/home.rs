//! The worker's surroundings: an environment and a home directory that hold what it may know and
//! nothing else, so that no configuration of the user's git changes what it does.

use std::ffi::OsString;

use camino::{Utf8Path, Utf8PathBuf};

use super::{GitError, Remote, Scheme};
use crate::host::{FileError, Files, Mode, RealFiles};

/// The most that is read of a file of host keys, in bytes.
const MAX_KNOWN_HOSTS: u64 = 16 << 20;

/// The most that is read of a key or a token, in bytes.
const MAX_SECRET: u64 = 64 << 10;

/// The configuration of git for the worker. It reads repositories of other users (`file:` remotes
/// that belong to a git server), which is safe as it runs nothing in them. And it follows
/// redirects to no other host: a remote says where it is, and a token goes there alone.
const GITCONFIG: &str = "[safe]\n\tdirectory = *\n[http]\n\tfollowRedirects = false\n";

/// Proxies are the one thing the environment still decides (curl(1), "ENVIRONMENT").
const PROXIES: &[&str] =
    &["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"];

/// A home directory made for the worker, and the variables it is given.
#[derive(Debug)]
pub(super) struct Home {
    environment: Vec<(&'static str, OsString)>,
}

impl Home {
    /// Makes the home below `directory`.
    pub(super) fn prepare(directory: &Utf8Path, remote: &Remote) -> Result<Self, GitError> {
        let fail = |option, source| {
            let (remote, source) = (remote.url.clone(), Box::new(source));
            GitError::Option { remote, option, source }
        };
        // The worker would find that out only after the remote has answered.
        let secrets = [("ssh_key", &remote.ssh_key), ("token_file", &remote.token_file)];
        for (option, path) in secrets {
            let Some(path) = path else { continue };
            RealFiles.read(path, MAX_SECRET).map_err(|source| fail(option, source))?;
        }
        let home = directory.join("home");
        let ssh = home.join(".ssh");
        RealFiles.create_dir(&ssh)?;
        keep(&home.join(".gitconfig"), GITCONFIG.as_bytes())?;
        let mut environment: Vec<(&str, OsString)> = vec![("HOME", home.clone().into())];
        let scheme = remote.url.scheme();
        // libgit2 reads host keys from there, and picks the kind of key it asks the server for by
        // what it finds.
        if scheme == Scheme::Ssh {
            keep(
                &ssh.join("known_hosts"),
                &known_hosts(remote).map_err(|error| fail("known_hosts", error))?,
            )?;
        }
        let authorities = match &remote.ca {
            // Without this, one that cannot be read would mean the system's.
            Some(ca) => {
                RealFiles.read(ca, 16 << 20).map_err(|source| fail("ca", source))?;
                Some(ca.as_path())
            }
            None if scheme == Scheme::Https => None,
            // To read the system's is half of what a run with nothing to do would cost.
            None => Some(Utf8Path::new("/dev/null")),
        };
        if let Some(authorities) = authorities {
            environment.push(("SSL_CERT_FILE", authorities.into()));
            environment.push(("SSL_CERT_DIR", ssh.into()));
        }
        let agent = remote.ssh_agent.then_some("SSH_AUTH_SOCK");
        for name in agent.into_iter().chain(PROXIES.iter().copied()) {
            environment.extend(variable(name).map(|value| (name, value)));
        }
        Ok(Self { environment })
    }

    pub(super) fn environment(&self) -> impl Iterator<Item = (&'static str, &OsString)> {
        self.environment.iter().map(|(name, value)| (*name, value))
    }
}

/// Writes a file unless it is there: a run with nothing to do writes nothing.
fn keep(path: &Utf8Path, content: &[u8]) -> Result<(), FileError> {
    if RealFiles.read(path, MAX_KNOWN_HOSTS).is_ok_and(|found| found == content) {
        return Ok(());
    }
    RealFiles.replace(path, content, Mode::Public)
}

/// The host keys that are believed.
fn known_hosts(remote: &Remote) -> Result<Vec<u8>, FileError> {
    if let Some(path) = &remote.known_hosts {
        return RealFiles.read(path, MAX_KNOWN_HOSTS);
    }
    let mut all = Vec::new();
    for path in default_known_hosts() {
        match RealFiles.read(&path, MAX_KNOWN_HOSTS) {
            Ok(content) => {
                all.extend(content);
                all.push(b'\n');
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Where ssh(1) looks, in its "FILES".
pub(super) fn default_known_hosts() -> Vec<Utf8PathBuf> {
    let user = variable("HOME").and_then(|home| home.into_string().ok());
    let user = user.map(|home| Utf8PathBuf::from(home).join(".ssh/known_hosts"));
    user.into_iter().chain(["/etc/ssh/ssh_known_hosts".into()]).collect()
}

#[expect(clippy::disallowed_methods, reason = "the host is where the environment is read")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
