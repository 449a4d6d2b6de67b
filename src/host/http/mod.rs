//! Static web servers that mirror a repository: one file at a time, by its path.
//!
//! A mirror is transport, not trust, like git. All of it is Rust without unsafe code of ours, so it runs in
//! this process; what bounds it is a deadline for everything together and a limit on every byte
//! (docs/adr/0017).

mod client;
mod error;
mod proxy;
mod redirect;
mod roots;
mod url;

use std::time::Duration;

use camino::Utf8PathBuf;

pub use client::RealMirrors;
pub use error::HttpError;
pub use redirect::target as redirect_target;
pub use url::{MirrorUrl, MirrorUrlError};

/// A repository on a web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The directory that holds `metadata/` and `targets/`.
    pub url: MirrorUrl,
    /// The only certificate authorities (PEM) that are believed for https. Without it: the
    /// system's.
    pub ca: Option<Utf8PathBuf>,
}

/// How much a mirror is allowed, from its opening on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The time for everything: names, connections, TLS, and every byte of every file.
    pub deadline: Duration,
    /// The bytes of all files together.
    pub bytes: u64,
}

impl Allowance {
    /// What one gateway's part of a repository takes at most, fetched within `deadline`.
    #[must_use]
    pub fn slice(deadline: Duration) -> Self {
        Self { deadline, bytes: super::git::Limits::SLICE.received }
    }
}

/// Mirrors elsewhere.
pub trait Mirrors {
    /// Prepares to read from a mirror. Nothing is connected to before the first file is asked for.
    fn open(&self, mirror: &Mirror, allowance: Allowance)
    -> Result<Box<dyn OpenMirror>, HttpError>;
}

/// A mirror that is being read from.
pub trait OpenMirror {
    /// The file at `path`, at most `limit` bytes long; `None` where the mirror says that it has
    /// no such file, which is something else than not being able to say.
    fn get(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, HttpError>;
}
