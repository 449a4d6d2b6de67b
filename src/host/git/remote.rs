//! A remote: an address, and what it takes to be let in and to know who answers.

use std::fmt;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::{RemoteUrl, Scheme};

/// A git repository somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// Where it is.
    pub url: RemoteUrl,
    /// The private key for ssh, without a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key: Option<Utf8PathBuf>,
    /// The only file of host keys (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") that is believed.
    /// Without it: `/etc/ssh/ssh_known_hosts` and the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<Utf8PathBuf>,
    /// The only certificate authorities (PEM) that are believed for https. Without it: the
    /// system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<Utf8PathBuf>,
    /// A file whose first line is the token or password for https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<Utf8PathBuf>,
    /// The token itself, where it came from the environment; written into no file.
    #[serde(skip)]
    pub token: Option<Token>,
    /// Whether the ssh agent of whoever runs this may answer for the key.
    #[serde(skip)]
    pub ssh_agent: bool,
}

/// A secret that shows itself in no message.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why a remote cannot be used as it is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// An option that this kind of address has no use for: a mistake in one of the two.
    #[error("{url}: {option} is for {scheme} remotes only")]
    Option {
        /// The address.
        url: RemoteUrl,
        /// The option.
        option: &'static str,
        /// What it is for.
        scheme: &'static str,
    },
    /// The user is missing from an ssh address.
    #[error("{url}: name the user, as in ssh://git@{}/…", url.host())]
    NoUser {
        /// The address.
        url: RemoteUrl,
    },
}

impl Remote {
    /// The remote at `url`, with nothing special about it.
    #[must_use]
    pub fn new(url: RemoteUrl) -> Self {
        Self {
            url,
            ssh_key: None,
            known_hosts: None,
            ca: None,
            token_file: None,
            token: None,
            ssh_agent: false,
        }
    }

    /// Refuses options that do not fit the address.
    pub fn check(&self) -> Result<(), RemoteError> {
        let scheme = self.url.scheme();
        let options = [
            ("ssh_key", self.ssh_key.is_some(), Scheme::Ssh, "ssh"),
            ("known_hosts", self.known_hosts.is_some(), Scheme::Ssh, "ssh"),
            ("ca", self.ca.is_some(), Scheme::Https, "https"),
            ("token", self.token_file.is_some() || self.token.is_some(), Scheme::Https, "https"),
        ];
        for (option, given, only, name) in options {
            if given && scheme != only {
                return Err(RemoteError::Option { url: self.url.clone(), option, scheme: name });
            }
        }
        if scheme == Scheme::Ssh && self.url.user().is_none() {
            return Err(RemoteError::NoUser { url: self.url.clone() });
        }
        Ok(())
    }
}

impl Token {
    /// The secret `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret, for whoever asks for it by name.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        Remote::new(url.parse().unwrap())
    }

    #[test]
    fn options_must_fit_the_address() {
        assert_eq!(remote("https://h/m").check(), Ok(()));
        assert!(matches!(remote("ssh://h/m").check(), Err(RemoteError::NoUser { .. })));
        let key = Remote { ssh_key: Some("/k".into()), ..remote("git://h/m") };
        assert!(matches!(key.check(), Err(RemoteError::Option { option: "ssh_key", .. })));
        // A token over plain http would be read by everyone between.
        let token = Remote { token: Some(Token::new("t".into())), ..remote("http://h/m") };
        assert!(matches!(token.check(), Err(RemoteError::Option { option: "token", .. })));
        let token = Remote { token: Some(Token::new("t".into())), ..remote("https://h/m") };
        assert_eq!(token.check(), Ok(()));
        assert!(!format!("{token:?}").contains("\"t\""));
    }
}
