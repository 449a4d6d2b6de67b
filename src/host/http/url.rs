//! Where a mirror is.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use ureq::http::Uri;

use crate::primitives::{Authority, port};

/// The address of a directory on a web server, `https://host[:port]/path/`.
///
/// Plain `http://` is allowed: what comes over it is verified as TUF metadata.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MirrorUrl(String);

/// Why a text is not a [`MirrorUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorUrlError {
    /// It has another form.
    #[error("a mirror is https://host/path/ or http://host/path/; {0:?} is neither")]
    Form(String),
    /// It names a user, and perhaps a password that would end up in logs.
    #[error("a mirror's URL must not name a user or a password")]
    User,
    /// A character that stands in no address, or would ask for something else than a file.
    #[error("a mirror's URL must not contain {0:?}; write it percent-encoded")]
    Character(char),
}

impl MirrorUrl {
    /// The address as text, with a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached through TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// The server: what is before the path, as in `https://mirror.example.net`.
    #[must_use]
    pub fn origin(&self) -> String {
        let path = self.0.splitn(4, '/').nth(3).map_or(0, |path| path.len() + 1);
        self.0.get(..self.0.len() - path).unwrap_or(&self.0).to_owned()
    }

    /// The address of the file at `path` in it.
    pub(super) fn file(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for MirrorUrl {
    type Err = MirrorUrlError;

    fn from_str(text: &str) -> Result<Self, MirrorUrlError> {
        let allowed = |c: char| c.is_ascii_graphic() && !"\"'\\`?#<>{}|^".contains(c);
        if let Some(c) = text.chars().find(|c| !allowed(*c)) {
            return Err(MirrorUrlError::Character(c));
        }
        // Before an @ there may be a password, so nothing of it is shown.
        let Some((scheme @ ("https" | "http"), rest)) = text.split_once("://") else {
            let shown = text.rsplit_once('@').map_or(text, |(_, after)| after);
            return Err(MirrorUrlError::Form(shown.to_owned()));
        };
        let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
        if authority.contains('@') {
            return Err(MirrorUrlError::User);
        }
        let form = || MirrorUrlError::Form(text.to_owned());
        text.parse::<Uri>().map_err(|_| form())?;
        if !is_place(authority) {
            return Err(form());
        }
        let rest = rest.trim_end_matches('/');
        Ok(Self(format!("{scheme}://{rest}/")))
    }
}

/// Whether `authority` is a host, with or without a port, and nothing else. Not left to the client's
/// parser, which takes brackets wherever they stand.
pub(super) fn is_place(authority: &str) -> bool {
    let Some(Authority { host, bracketed, port: after }) = Authority::split(authority) else {
        return false;
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    let is_host = if bracketed {
        host.parse::<Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && !host.starts_with('-') && host.bytes().all(allowed)
    };
    is_host && after.is_none_or(|text| port(text).is_some())
}

impl fmt::Display for MirrorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for MirrorUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_directory_on_a_web_server() {
        for (text, normal) in [
            ("https://mirror.example.net/acme", "https://mirror.example.net/acme/"),
            ("https://mirror.example.net/acme//", "https://mirror.example.net/acme/"),
            ("https://mirror.example.net", "https://mirror.example.net/"),
            ("http://10.0.0.1:8080/", "http://10.0.0.1:8080/"),
            ("https://[fd00::1]:8443/a", "https://[fd00::1]:8443/a/"),
        ] {
            let url: MirrorUrl = text.parse().unwrap();
            assert_eq!(url.as_str(), normal);
            let end = normal.match_indices('/').nth(2).unwrap().0;
            assert_eq!(url.origin(), normal[..end]);
            assert_eq!(url.file("metadata/1.root.json"), format!("{normal}metadata/1.root.json"));
        }
    }

    #[test]
    fn refuses_what_is_no_directory_or_would_leak() {
        for bad in [
            "",
            "mirror.example.net/acme",
            "ftp://h/m",
            "file:///srv/m",
            "https://",
            "https:///m",
            "https://:80/m",
            "https://h:0/m",
            "https://h:0443/m",
            "https://h:65536/m",
            "https://h:/m",
            "https://-h/m",
            "https://[::1/m",
            "https://k[d00:]x/m",
            "https://[::1]x/m",
            "https://[example]/m",
            "https://h/m?x=1",
            "https://h/m#x",
            "https://h/a b",
            "https://h/a\nb",
            "https://h/\u{202e}",
        ] {
            assert!(bad.parse::<MirrorUrl>().is_err(), "{bad:?}");
        }
        for secret in ["https://bot:secret@h/m", "htps://bot:secret@h/m"] {
            let error = secret.parse::<MirrorUrl>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
