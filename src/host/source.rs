//! A place that releases come from, of whatever kind.

use std::fmt;

use super::git::Remote;
use super::http::Mirror;

/// A place that releases come from. None of them is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A git repository.
    Git(Remote),
    /// A directory on a web server.
    Mirror(Mirror),
}

impl Source {
    /// The server, whatever it is asked for: what is before the path, as in
    /// `https://git.example.net`.
    #[must_use]
    pub fn origin(&self) -> String {
        match self {
            Self::Git(remote) => remote.url.origin(),
            Self::Mirror(mirror) => mirror.url.origin(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git(remote) => remote.url.fmt(f),
            Self::Mirror(mirror) => mirror.url.fmt(f),
        }
    }
}
