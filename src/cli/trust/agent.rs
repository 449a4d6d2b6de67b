//! Keys that an ssh-agent holds.

use camino::{Utf8Path, Utf8PathBuf};

use super::keys::load_ssh;
use crate::cli::{Context, Exit, Failure};
use crate::host::Agent;
use crate::primitives::{Printable, SshKey};
use crate::tuf::{PublicKey, Signer, SignerError, to_hex};

/// A key that an agent signs with.
pub(super) struct AgentSigner<'h> {
    agent: &'h dyn Agent,
    socket: Utf8PathBuf,
    key: SshKey,
    public: PublicKey,
}

/// The environment variable that names the agent's socket (ssh-agent(1)).
const SOCKET: &str = "SSH_AUTH_SOCK";

/// The key that `selector` means among those of the agent: a file with the public key, a
/// fingerprint as `ssh-add -l` prints it, or a comment.
pub(super) fn find<'h>(selector: &str, context: &Context<'h>) -> Result<AgentSigner<'h>, Failure> {
    let host = context.host;
    let socket = host.environment.get(SOCKET).filter(|socket| !socket.is_empty());
    let socket = socket.ok_or_else(|| {
        let text = format!("no ssh agent is running here: the variable {SOCKET} is not set");
        Failure::say(Exit::Failure, text).hint("eval \"$(ssh-agent)\" && ssh-add")
    })?;
    let socket = Utf8PathBuf::from(socket.as_str());
    let keys = context.terminal.work("asking the ssh agent", || host.agent.keys(&socket));
    let keys = keys.map_err(|error| Failure::new(Exit::Failure, &error))?;
    let key = choose(selector, &keys, context)?;
    let public = usable(&key)?;
    Ok(AgentSigner { agent: host.agent, socket, key, public })
}

/// The one key among `keys` that `selector` means.
fn choose(selector: &str, keys: &[SshKey], context: &Context) -> Result<SshKey, Failure> {
    let fail = |text: String| Failure::say(Exit::Failure, text).hint(listed(keys));
    let named = |key: &&SshKey| key.fingerprint() == selector || key.comment == selector;
    let matching: Vec<_> = keys.iter().filter(named).collect();
    match matching.as_slice() {
        [key] => return Ok((*key).clone()),
        [] => {}
        _ => {
            let name = Printable(selector);
            return Err(fail(format!("the ssh agent has several keys called {name}")));
        }
    }
    let path = context.path(Utf8Path::new(selector));
    let Some(wanted) = named_by_file(&path, context)? else {
        let text = format!(
            "the ssh agent has no key {:?}, and there is no such file with a public key",
            Printable(selector).to_string()
        );
        return Err(fail(text));
    };
    keys.iter().find(|key| key.blob == wanted.blob).cloned().ok_or_else(|| {
        fail(format!("the ssh agent does not have the key in {path}, {}", wanted.fingerprint()))
    })
}

/// The key in the file at `path`; `None` where there is no such file.
fn named_by_file(path: &Utf8PathBuf, context: &Context) -> Result<Option<SshKey>, Failure> {
    if path.as_str().is_empty() || context.host.files.read(path, 0).is_err_and(|e| e.is_not_found())
    {
        return Ok(None);
    }
    load_ssh(path, context)?.map(Some).ok_or_else(|| {
        Failure::say(Exit::Failure, format!("{path} is not a public key of OpenSSH"))
            .hint("name the .pub file beside the private key, or a fingerprint")
    })
}

/// Its public half, if it is a key whose signatures are over what was to be signed.
fn usable(key: &SshKey) -> Result<PublicKey, Failure> {
    if let Some(public) = PublicKey::from_ssh(key) {
        return Ok(public);
    }
    let algorithm = key.algorithm().unwrap_or("unknown");
    let why = if algorithm.starts_with("sk-") {
        "a security key signs a counter and flags as well, so its signatures mean nothing to TUF"
    } else if algorithm.contains("rsa") {
        "RSA keys are refused on purpose: name an ed25519 key"
    } else if algorithm.contains("cert") {
        "a certificate is no key: name the key it was made for"
    } else {
        "only plain ed25519 keys can sign metadata"
    };
    let print = key.fingerprint();
    let text = format!("the key {print} is of the kind {}: {why}", Printable(algorithm));
    Err(Failure::say(Exit::Failure, text).hint("`ssh-keygen -t ed25519` makes one that can sign"))
}

/// What the agent has, for whoever named something else.
fn listed(keys: &[SshKey]) -> String {
    let tell = |key: &SshKey| format!("{} ({})", key.fingerprint(), Printable(&key.comment));
    match keys {
        [] => "the agent has no keys: ssh-add FILE".to_owned(),
        keys => {
            let keys: Vec<_> = keys.iter().take(20).map(tell).collect();
            format!("it has {}", keys.join(", "))
        }
    }
}

impl Signer for AgentSigner<'_> {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<String, SignerError> {
        let signature = self.agent.sign(&self.socket, &self.key, message);
        let signature = signature.map_err(|error| SignerError::Elsewhere(Box::new(error)))?;
        Ok(to_hex(&signature))
    }
}
