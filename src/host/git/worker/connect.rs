//! A connection to the remote: who we say we are, whom we believe, how much we take, and what
//! went wrong in words that help.

use std::cell::{Cell, RefCell};

use base64ct::{Base64Unpadded, Encoding as _};
use git2::{
    CertificateCheckStatus, Cred, CredentialType, ErrorClass, ErrorCode, ProxyOptions,
    RemoteCallbacks,
};

use super::failure::{failure, is_of_the_disk, one_line};
use crate::host::git::home::default_known_hosts;
use crate::host::git::protocol::Request;
use crate::host::git::{FailureKind, GitFailure, Limits, Scheme};
use crate::host::{Files as _, RealFiles};

/// The most a remote may say on the side ("counting objects …"), in bytes.
const MAX_CHATTER: usize = 1 << 20;

/// The most that is read of a token file, in bytes.
const MAX_TOKEN: u64 = 64 << 10;

/// What the user is called where a token is the password and the address names nobody: GitHub
/// wants this name, the others take any.
const TOKEN_USER: &str = "x-access-token";

/// One conversation with the remote, and what is remembered of it to explain its end.
pub(super) struct Link<'r> {
    request: &'r Request,
    limits: Limits,
    host_key: RefCell<Option<String>>,
    offered: Cell<bool>,
    trouble: RefCell<Option<GitFailure>>,
    chatter: Cell<usize>,
}

impl<'r> Link<'r> {
    pub(super) fn new(request: &'r Request, limits: &Limits) -> Self {
        Self {
            request,
            limits: *limits,
            host_key: RefCell::default(),
            offered: Cell::default(),
            trouble: RefCell::default(),
            chatter: Cell::default(),
        }
    }

    /// Proxies come from the environment, as for every other program.
    pub(super) fn proxy() -> ProxyOptions<'static> {
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        proxy
    }

    /// The callbacks of this conversation.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(|url, _, allowed| {
            self.credentials(url, allowed).map_err(|trouble| self.stop(trouble))
        });
        callbacks.certificate_check(|certificate, _| {
            if let Some(key) = certificate.as_hostkey() {
                let hash = key.hash_sha256().map(|hash| Base64Unpadded::encode_string(hash));
                *self.host_key.borrow_mut() = hash.map(|hash| format!("SHA256:{hash}"));
            }
            // libgit2 has checked it against home's known_hosts, or TLS's authorities, and
            // refuses what did not pass.
            Ok(CertificateCheckStatus::CertificatePassthrough)
        });
        callbacks.transfer_progress(|progress| {
            let (received, objects) = (progress.received_bytes(), progress.total_objects());
            let limits = &self.limits;
            self.keeps("bytes", received as u64, limits.received)
                && self.keeps("objects", objects as u64, limits.objects)
        });
        callbacks.sideband_progress(|text| {
            self.chatter.set(self.chatter.get().saturating_add(text.len()));
            self.keeps("bytes of messages", self.chatter.get() as u64, MAX_CHATTER as u64)
        });
        callbacks
    }

    /// Whether `count` keeps within `limit`.
    fn keeps(&self, what: &str, count: u64, limit: u64) -> bool {
        if count > limit {
            let message = format!("it sends more than the {limit} {what} that are accepted");
            self.trouble.borrow_mut().get_or_insert(failure(FailureKind::Limit, message));
        }
        count <= limit
    }

    /// Remembers why, and gives libgit2 an error to end the conversation with.
    fn stop(&self, trouble: GitFailure) -> git2::Error {
        let error = git2::Error::from_str(&trouble.message);
        *self.trouble.borrow_mut() = Some(trouble);
        error
    }

    fn credentials(&self, url: &str, allowed: CredentialType) -> Result<Cred, GitFailure> {
        let remote = &self.request.remote;
        let own = |error: git2::Error| failure(FailureKind::Access, one_line(error.message()));
        let user = remote.url.user();
        if allowed.is_username() {
            return Cred::username(user.unwrap_or("git")).map_err(own);
        }
        // libgit2 asks again and again as long as it is given something.
        if self.offered.replace(true) {
            return Err(self.refused());
        }
        if allowed.is_ssh_key() {
            let user = user.unwrap_or("git");
            return match &remote.ssh_key {
                Some(key) => {
                    RealFiles.read(key, MAX_TOKEN).map_err(|error| {
                        failure(FailureKind::Access, format!("the ssh key: {error}"))
                    })?;
                    Cred::ssh_key(user, None, key.as_std_path(), None).map_err(own)
                }
                None if self.request.ssh_agent => Cred::ssh_key_from_agent(user).map_err(own),
                None => Err(nothing_to_offer("an ssh key", "ssh_key, the path of a private key")),
            };
        }
        if allowed.is_user_pass_plaintext() && remote.url.scheme() == Scheme::Https {
            // Redirects lead to no other host; this is for the day they do.
            let elsewhere = url.parse().is_ok_and(|url: crate::host::git::RemoteUrl| {
                (url.scheme(), url.host()) != (Scheme::Https, remote.url.host())
            });
            return match self.token()? {
                Some(token) if !elsewhere => {
                    Cred::userpass_plaintext(user.unwrap_or(TOKEN_USER), &token).map_err(own)
                }
                _ => Err(nothing_to_offer("a password", "token_file, a file that holds a token")),
            };
        }
        Err(failure(FailureKind::Access, "it asks for credentials of a kind that is not supported"))
    }

    /// The token from the environment, or else the first line of its file.
    fn token(&self) -> Result<Option<String>, GitFailure> {
        if let Some(token) = &self.request.token {
            return Ok(Some(token.clone()));
        }
        let Some(path) = &self.request.remote.token_file else {
            return Ok(None);
        };
        let content = RealFiles
            .read(path, MAX_TOKEN)
            .map_err(|error| failure(FailureKind::Access, format!("the token: {error}")))?;
        let text = String::from_utf8_lossy(&content);
        Ok(text.lines().next().map(|line| line.trim().to_owned()))
    }

    fn refused(&self) -> GitFailure {
        let remote = &self.request.remote;
        let what = match (&remote.ssh_key, &remote.token_file) {
            (Some(key), _) => format!("the ssh key {key}"),
            (None, Some(file)) => format!("the token in {file}"),
            (None, None) if self.request.ssh_agent => "the key of the ssh agent".to_owned(),
            (None, None) => "the token".to_owned(),
        };
        let hint = "check that it is the right one, that it has no passphrase and that the \
                    server grants it access to this repository";
        GitFailure {
            kind: FailureKind::Access,
            message: format!("it does not accept {what}"),
            hint: Some(hint.to_owned()),
        }
    }

    /// What `error`, met in this conversation, means.
    pub(super) fn explain(&self, error: &git2::Error) -> GitFailure {
        if let Some(trouble) = self.trouble.take() {
            return trouble;
        }
        let said = one_line(error.message());
        match (error.code(), error.class()) {
            (ErrorCode::Certificate, _) if self.host_key.borrow().is_some() => self.host_key(),
            (ErrorCode::Certificate, _) | (_, ErrorClass::Ssl) => GitFailure {
                kind: FailureKind::Certificate,
                message: format!("its TLS certificate is not to be trusted: {said}"),
                hint: Some(
                    "the certificate must be valid now, for this host name, and by an authority \
                     of this system, or of the file that `ca` names"
                        .to_owned(),
                ),
            },
            (ErrorCode::Auth, _) if self.offered.get() => self.refused(),
            (_, ErrorClass::NoMemory) => {
                let most = self.limits.memory >> 20;
                let message = format!(
                    "what it sends does not fit into {most} MiB of memory, the most it may take"
                );
                failure(FailureKind::Limit, message)
            }
            _ if said.contains("status code: 401") || said.contains("status code: 403") => {
                failure(FailureKind::Access, format!("it does not let us in: {said}"))
            }
            // Its own words: what a remote sends has another class.
            (_, ErrorClass::Os) if is_of_the_disk(&said) => failure(FailureKind::Disk, said),
            _ => failure(FailureKind::Network, said),
        }
    }

    /// The failure over a host key, with what it takes to know it.
    fn host_key(&self) -> GitFailure {
        let url = &self.request.remote.url;
        let port = url.port().unwrap_or(22);
        let name =
            if port == 22 { url.host().to_owned() } else { format!("[{}]:{port}", url.host()) };
        let configured = self.request.remote.known_hosts.clone();
        let file = configured.or_else(|| default_known_hosts().pop()).unwrap_or_default();
        let key = self.host_key.borrow().clone().unwrap_or_default();
        let known = RealFiles.read(&file, MAX_TOKEN).unwrap_or_default();
        let known = String::from_utf8_lossy(&known);
        let (message, hint) = if names(&known, &name) {
            (
                format!("its ssh host key {key} is not the one that {file} has for {name}"),
                format!(
                    "if the server's administrator confirms the new key, remove the lines of \
                     {name} from {file} and add what `ssh-keyscan -p {port} {host}` prints",
                    host = url.host()
                ),
            )
        } else {
            (
                format!("its ssh host key {key} is unknown"),
                format!(
                    "compare it with what the server's administrator says, then: \
                     ssh-keyscan -p {port} {host} >> {file}",
                    host = url.host()
                ),
            )
        };
        GitFailure { kind: FailureKind::HostKey, message, hint: Some(hint) }
    }
}

/// Whether a file of host keys names `host` in the clear.
fn names(known_hosts: &str, host: &str) -> bool {
    let fields = known_hosts.lines().filter_map(|line| line.split_whitespace().next());
    fields.flat_map(|names| names.split(',')).any(|name| name == host)
}

fn nothing_to_offer(what: &str, option: &str) -> GitFailure {
    GitFailure {
        kind: FailureKind::Access,
        message: format!("it asks for {what}, and this remote has none"),
        hint: Some(format!("give the remote {option}")),
    }
}
