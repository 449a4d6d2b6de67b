//! Where a git repository is.

use std::fmt;
use std::str::FromStr;

use crate::primitives::{Authority, port};

/// The address of a git repository, in one of the forms git itself knows.
///
/// Plain `http://` and `git://` are allowed: git is transport, not trust, and what comes over it is
/// verified as TUF metadata. They show to everyone between what is fetched, and carry no token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteUrl {
    text: String,
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// How the repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// `https://host[:port]/path`.
    Https,
    /// `http://host[:port]/path`.
    Http,
    /// `ssh://user@host[:port]/path`, or `user@host:path` as scp writes it.
    Ssh,
    /// `git://host[:port]/path`, the anonymous git daemon.
    Git,
    /// `file:///path`, or just the absolute path.
    File,
}

/// Why a text is not a [`RemoteUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteUrlError {
    /// It has none of the forms.
    #[error(
        "a remote is https://host/path, ssh://user@host/path, user@host:path, git://host/path, \
         http://host/path, file:///path or /path; {0:?} is none of these"
    )]
    Form(String),
    /// It carries a password, which would end up in logs.
    #[error("a remote's URL must not hold a password: put the token into a file of its own")]
    Password,
    /// A character that stands in no address, or means something to somebody.
    #[error("a remote's URL must not contain {0:?}; write it percent-encoded")]
    Character(char),
    /// The host is missing, or would be read as an option.
    #[error("a remote's host must be a name or an address; {0:?} is not")]
    Host(String),
    /// The port is not a number from 1 to 65535.
    #[error("a remote's port is a number from 1 to 65535; {0:?} is not")]
    Port(String),
}

impl RemoteUrl {
    /// How the repository is reached.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user named in the address.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host, without the brackets of an IPv6 address; empty for `file:`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where the address names one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Who answers there, whatever is asked for: `https://host:port`, and for `file:` all of it.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Ssh => "ssh",
            Scheme::Git => "git",
            Scheme::File => return self.text.clone(),
        };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}{port}", self.host)
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for RemoteUrl {
    type Err = RemoteUrlError;

    fn from_str(text: &str) -> Result<Self, RemoteUrlError> {
        let strange = |c: &char| c.is_whitespace() || c.is_control() || "\"'\\`?#".contains(*c);
        if let Some(c) = text.chars().find(strange) {
            return Err(RemoteUrlError::Character(c));
        }
        // Before an @ there may be a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, after)| after);
        let form = || RemoteUrlError::Form(shown.to_owned());
        if text.starts_with('/') {
            return Ok(Self::file(format!("file://{text}")));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::scp(text).unwrap_or_else(|| Err(form()));
        };
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            "ssh" => Scheme::Ssh,
            "git" => Scheme::Git,
            "file" if rest.starts_with('/') => return Ok(Self::file(text.to_owned())),
            _ => return Err(form()),
        };
        let (authority, path) = rest.split_once('/').ok_or_else(form)?;
        if path.is_empty() {
            return Err(form());
        }
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(checked_user(user)?), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        Ok(Self { text: text.to_owned(), scheme, user, host: checked_host(host)?, port })
    }
}

impl RemoteUrl {
    fn file(text: String) -> Self {
        Self { text, scheme: Scheme::File, user: None, host: String::new(), port: None }
    }

    /// `user@host:path`; `None` where the text does not even look like it.
    fn scp(text: &str) -> Option<Result<Self, RemoteUrlError>> {
        let (user, place) = text.split_once('@')?;
        let (host, path) = place.split_once(':')?;
        if path.is_empty() || user.contains(['/', ':']) || host.contains('/') {
            return None;
        }
        Some(checked_user(user).and_then(|user| {
            let host = checked_host(host)?;
            let text = text.to_owned();
            Ok(Self { text, scheme: Scheme::Ssh, user: Some(user), host, port: None })
        }))
    }
}

fn checked_user(user: &str) -> Result<String, RemoteUrlError> {
    if user.contains(':') {
        return Err(RemoteUrlError::Password);
    }
    if user.is_empty() || user.starts_with('-') || user.contains('@') {
        return Err(RemoteUrlError::Host(format!("{user}@")));
    }
    Ok(user.to_owned())
}

/// The host and the port of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(place: &str) -> Result<(&str, Option<u16>), RemoteUrlError> {
    let authority =
        Authority::split(place).ok_or_else(|| RemoteUrlError::Host(place.to_owned()))?;
    let number = |text: &str| port(text).ok_or_else(|| RemoteUrlError::Port(text.to_owned()));
    Ok((authority.host, authority.port.map(number).transpose()?))
}

fn checked_host(host: &str) -> Result<String, RemoteUrlError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || host.starts_with('-') || !host.bytes().all(allowed) {
        return Err(RemoteUrlError::Host(host.to_owned()));
    }
    Ok(host.to_owned())
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl serde::Serialize for RemoteUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for RemoteUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Scheme, Option<String>, String, Option<u16>) {
        let url: RemoteUrl = text.parse().unwrap();
        (url.scheme, url.user, url.host, url.port)
    }

    #[test]
    fn reads_every_form_of_git() {
        let user = |name: &str| Some(name.to_owned());
        let cases = [
            ("https://git.example.net/m.git", Scheme::Https, None, "git.example.net", None),
            ("https://bot@h:8443/m", Scheme::Https, user("bot"), "h", Some(8443)),
            ("http://h/m", Scheme::Http, None, "h", None),
            ("ssh://git@h:2222/srv/m.git", Scheme::Ssh, user("git"), "h", Some(2222)),
            ("ssh://git@[::1]:2222/m", Scheme::Ssh, user("git"), "::1", Some(2222)),
            ("git@github.com:acme/mesh.git", Scheme::Ssh, user("git"), "github.com", None),
            ("git://127.0.0.1:9418/m", Scheme::Git, None, "127.0.0.1", Some(9418)),
            ("file:///srv/m.git", Scheme::File, None, "", None),
        ];
        for (text, scheme, user, host, port) in cases {
            assert_eq!(parts(text), (scheme, user, host.to_owned(), port), "{text}");
            assert_eq!(text.parse::<RemoteUrl>().unwrap().to_string(), text);
        }
        assert_eq!("/srv/m.git".parse::<RemoteUrl>().unwrap().as_str(), "file:///srv/m.git");
    }

    #[test]
    fn refuses_what_is_no_address_or_would_leak() {
        for bad in [
            "",
            "mesh.git",
            "../mesh.git",
            "ftp://h/m",
            "https://h",
            "https://h/",
            "https:///m",
            "file://m",
            "ssh://-oProxyCommand=x/m",
            "-x@h:m",
            "git@-h:m",
            "git@h:",
            "https://h:0/m",
            "https://h:65536/m",
            "https://h:+1/m",
            "https://[::1/m",
            "https://h/m?x=1",
            "https://h/a b",
            "https://h/a\nb",
            "ext::sh -c x",
        ] {
            assert!(bad.parse::<RemoteUrl>().is_err(), "{bad:?}");
        }
        let password = "https://bot:secret@h/m".parse::<RemoteUrl>();
        assert_eq!(password, Err(RemoteUrlError::Password));
        let mistyped = "htps://bot:secret@h/m".parse::<RemoteUrl>().unwrap_err();
        assert!(!mistyped.to_string().contains("secret"), "{mistyped}");
    }
}
