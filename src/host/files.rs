//! Files: every change is whole or did not happen, and is on the disk when the call returns.

mod error;
mod real;
mod swap;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;

use camino::{Utf8Path, Utf8PathBuf};

pub use error::FileError;
pub use real::RealFiles;

/// How the names of files begin that are being written, beside those that they will replace. A
/// process that was killed leaves them.
pub const TEMPORARY: &str = ".tieline-";

/// What may be read by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// 0644: configuration, metadata.
    Public,
    /// 0600: private keys.
    Private,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
        }
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file, with its permissions as chmod(1) has them.
    File {
        /// The lower twelve bits.
        mode: u32,
    },
    /// A directory.
    Directory,
    /// A symbolic link, wherever it points.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

impl Kind {
    /// A regular file that everybody may read and its owner write.
    pub const PUBLIC: Self = Self::File { mode: 0o644 };
}

/// The file system.
pub trait Files {
    /// What is at a path, where a link counts as itself; `None` where nothing is.
    fn kind(&self, path: &Utf8Path) -> Result<Option<Kind>, FileError>;

    /// Reads a whole file of at most `limit` bytes.
    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, FileError>;

    /// Whether anybody but its owner may read the file at `path`; unknown is no.
    fn is_open_to_others(&self, path: &Utf8Path) -> bool {
        let _ = path;
        false
    }

    /// Whether the system has a program called `name` where [`Command::system`] looks for it. Looking
    /// starts nothing.
    ///
    /// [`Command::system`]: crate::host::Command::system
    fn has_program(&self, name: &str) -> bool;

    /// Makes `path` hold `content`: through a temporary file beside it, fsync, rename(2) and
    /// fsync of the directory, so that a reader or a power cut sees the old content or the new.
    fn replace(&self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<(), FileError>;

    /// Makes `path` hold `content` (0644) in one step, as [`replace`](Self::replace) does, but
    /// leaves it to the system when it reaches the disk: for what is made again all the time.
    fn publish(&self, path: &Utf8Path, content: &[u8]) -> Result<(), FileError>;

    /// Makes a new file and syncs it; refuses (`AlreadyExists`) where anything is, a link
    /// included. The directory is not synced: see [`sync_dir`](Self::sync_dir).
    fn create(&self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<(), FileError>;

    /// Makes a new file that appears whole or not at all, and syncs its directory; refuses
    /// (`AlreadyExists`) where anything is, even if it came while we were at it.
    fn create_whole(&self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<(), FileError> {
        self.create(path, content, mode)?;
        self.sync_dir(directory_of(path))
    }

    /// Makes a directory (0755) and those above it; one that is there is fine.
    fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError>;

    /// Makes `path` a directory (0755) of exactly these files (0644), by name: whatever was there
    /// is gone. Whoever looks sees the old directory or the new. For output that can be made
    /// again: it is not synced.
    fn replace_dir(
        &self,
        path: &Utf8Path,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), FileError>;

    /// Makes what was created in, renamed into or removed from a directory durable.
    fn sync_dir(&self, path: &Utf8Path) -> Result<(), FileError>;

    /// The names in a directory, sorted; none where there is no directory.
    fn list(&self, path: &Utf8Path) -> Result<Vec<String>, FileError>;

    /// Renames, replacing what is at `to`, and syncs the directory of `to`.
    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError>;

    /// Where a symbolic link points; `None` where there is none.
    fn read_link(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError>;

    /// Makes `link` point at `target` in one step (symlink(2) beside it, then rename(2)), durably.
    fn replace_link(&self, link: &Utf8Path, target: &Utf8Path) -> Result<(), FileError>;

    /// Removes a file, link or whole directory; nothing there is fine.
    fn remove(&self, path: &Utf8Path) -> Result<(), FileError>;

    /// Takes the exclusive lock of the file at `path`, which it makes; `None` where another
    /// process has it. Held until the guard is dropped or the process dies.
    fn try_lock(&self, path: &Utf8Path) -> Result<Option<LockGuard>, FileError>;
}

/// A lock that is held.
#[derive(Debug)]
pub struct LockGuard {
    _file: Option<File>,
}

impl LockGuard {
    /// A guard that holds nothing, for hosts that are not real.
    #[must_use]
    pub fn pretend() -> Self {
        Self { _file: None }
    }
}

/// The directory a path is in; `.` for a bare file name.
fn directory_of(path: &Utf8Path) -> &Utf8Path {
    match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.bits())
    }
}
