//! Keys in files and in the environment.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;
use zeroize::Zeroizing;

use super::Passphrase;
use crate::cli::{Context, Exit, Failure};
use crate::primitives::SshKey;
use crate::tuf::{KeyPair, PublicKey, Signer, SignerError};

/// The most that is read of a key file, in bytes; a key in PEM takes about 120.
const MAX_KEY: u64 = 16 << 10;

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum KeySource {
    /// In a file.
    File(Utf8PathBuf),
    /// In an environment variable: how CI systems hand out secrets.
    Environment(String),
}

impl FromStr for KeySource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix("env:") {
            Some(name) => Self::Environment(name.to_owned()),
            None => Self::File(text.into()),
        })
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// The key pair at `source`.
pub(in crate::cli) fn load_pair(
    source: &KeySource,
    passphrase: &Passphrase,
    context: &mut Context,
) -> Result<KeyPair, Failure> {
    let pem = read(source, context)?;
    let loaded = if KeyPair::is_encrypted(&pem) {
        let passphrase = passphrase.of(source, context)?;
        KeyPair::from_encrypted_pem(&pem, &passphrase)
    } else {
        KeyPair::from_pem(&pem)
    };
    let pair = loaded.map_err(|error| unusable(source, &pem, &error))?;
    if let KeySource::File(path) = source {
        let path = context.path(path);
        if context.host.files.is_open_to_others(&path) {
            context.terminal.warn(&format!(
                "{path} is a private key that others can read: chmod 600 {path}, or make another \
                 key if they may have read it"
            ));
        }
    }
    Ok(pair)
}

fn unusable(source: &KeySource, pem: &str, error: &SignerError) -> Failure {
    let failure = Failure::say(Exit::Failure, format!("{source} is {error}"));
    if pem.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return failure.hint(
            "it is a private key of OpenSSH: load it with ssh-add, and name it with \
             agent:FILE.pub",
        );
    }
    if read_public(pem).is_some() {
        return failure.hint("it is a public key; signing needs the private one");
    }
    match error {
        SignerError::Passphrase => failure.hint("try again, and mind the keyboard's layout"),
        SignerError::Encryption => failure
            .hint("`openssl pkcs8 -topk8 -in FILE -out NEW` writes it in a way that is read here"),
        _ => failure.hint("`tieline key generate` makes one"),
    }
}

/// The public key at `source`, or the public half of the key pair there.
pub(in crate::cli) fn load_public(
    source: &KeySource,
    passphrase: &Passphrase,
    context: &mut Context,
) -> Result<PublicKey, Failure> {
    let text = read(source, context)?;
    if text.contains(" PRIVATE KEY-----") {
        return load_pair(source, passphrase, context).map(|pair| pair.public().clone());
    }
    read_public(&text).map(|(key, _)| key).ok_or_else(|| {
        let algorithm = text.parse::<SshKey>().ok().and_then(|key| {
            key.algorithm().map(|algorithm| format!(": it is one of the kind {algorithm}"))
        });
        let text = format!(
            "{source} is not an ed25519 public key, neither in PEM (it would begin with \
             -----BEGIN PUBLIC KEY-----) nor as OpenSSH writes it (ssh-ed25519 AAAA){}",
            algorithm.unwrap_or_default()
        );
        Failure::say(Exit::Failure, text)
            .hint("`tieline key generate FILE` writes the public key to FILE.pub")
    })
}

/// A public key in PEM or in OpenSSH's form, and what its owner calls it where it says so.
fn read_public(text: &str) -> Option<(PublicKey, Option<SshKey>)> {
    if let Ok(key) = PublicKey::from_pem(text) {
        return Some((key, None));
    }
    let ssh: SshKey = text.parse().ok()?;
    Some((PublicKey::from_ssh(&ssh)?, Some(ssh)))
}

/// The OpenSSH public key in a file.
pub(super) fn load_ssh(path: &Utf8PathBuf, context: &Context) -> Result<Option<SshKey>, Failure> {
    let text = read(&KeySource::File(path.clone()), context)?;
    Ok(text.parse().ok().or_else(|| PublicKey::from_pem(&text).ok()?.to_ssh()))
}

pub(super) fn read(source: &KeySource, context: &Context) -> Result<Zeroizing<String>, Failure> {
    match source {
        KeySource::File(path) => {
            let path = context.path(path);
            let bytes = context.host.files.read(&path, MAX_KEY);
            let bytes = Zeroizing::new(bytes.map_err(|e| Failure::new(Exit::Failure, &e))?);
            let text = std::str::from_utf8(&bytes);
            let text =
                text.map_err(|_| Failure::say(Exit::Failure, format!("{path} is no key")))?;
            Ok(Zeroizing::new(text.to_owned()))
        }
        KeySource::Environment(name) => {
            let value = context.host.environment.get(name);
            let value = value.filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| {
                let text = format!("the environment variable {name} is not set, or holds no text");
                Failure::say(Exit::Failure, text)
                    .hint("it has to hold the private key in PEM, line breaks included")
            })
        }
    }
}
