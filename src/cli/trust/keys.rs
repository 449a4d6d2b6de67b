//! Keys as the command line names them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;
use zeroize::Zeroizing;

use crate::cli::{Context, Exit, Failure};
use crate::tuf::{KeyPair, PublicKey, Signer};

/// The most that is read of a key file, in bytes; a key in PEM takes about 120.
const MAX_KEY: u64 = 16 << 10;

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum KeySource {
    /// In a file, in PEM.
    File(Utf8PathBuf),
    /// In an environment variable, in PEM: how CI systems hand out secrets.
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
pub(in crate::cli) fn load_pair(source: &KeySource, context: &Context) -> Result<KeyPair, Failure> {
    let pem = read(source, context)?;
    KeyPair::from_pem(&pem).map_err(|error| {
        let failure = Failure::say(Exit::Failure, format!("{source} is {error}"));
        if PublicKey::from_pem(&pem).is_ok() {
            return failure.hint("it is a public key; signing needs the private one");
        }
        failure.hint("`tieline key generate` makes one")
    })
}

/// The public key at `source`, or the public half of the key pair there.
pub(in crate::cli) fn load_public(
    source: &KeySource,
    context: &Context,
) -> Result<PublicKey, Failure> {
    let pem = read(source, context)?;
    if let Ok(pair) = KeyPair::from_pem(&pem) {
        return Ok(pair.public().clone());
    }
    PublicKey::from_pem(&pem).map_err(|error| {
        Failure::say(Exit::Failure, format!("{source} is {error}"))
            .hint("`tieline key generate FILE` writes the public key to FILE.pub")
    })
}

fn read(source: &KeySource, context: &Context) -> Result<Zeroizing<String>, Failure> {
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
        KeySource::Environment(name) => context.host.environment.get(name).ok_or_else(|| {
            Failure::say(Exit::Failure, format!("environment variable {name} holds no text"))
                .hint("it has to hold the private key in PEM, line breaks included")
        }),
    }
}
