//! The file system of this host.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::OFlags;

use super::{FileError, Files, Kind, LockGuard, Mode, TEMPORARY, directory_of, swap};
use crate::host::process::SYSTEM_PATH;

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFiles;

impl RealFiles {
    /// Reads a file that an unprivileged user could have put there: a link is not followed, and a
    /// pipe does not hold us up.
    pub(in crate::host) fn read_foreign(path: &Utf8Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let fail = |source| FileError::new("read", path, source);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(fail)?;
        if !file.metadata().map_err(fail)?.is_file() {
            return Err(fail(io::Error::other("it is not a regular file")));
        }
        read_whole(file, path, limit)
    }

    /// Opens the file of a lock, which it makes. Whoever can open it can hold the lock, so nobody but its
    /// owner can; one that others left open is closed to them.
    pub(in crate::host) fn open_lock(path: &Utf8Path) -> io::Result<File> {
        let private = Mode::Private.bits();
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(private).open(path)?;
        if file.metadata()?.permissions().mode() & 0o7777 != private {
            file.set_permissions(std::fs::Permissions::from_mode(private))?;
        }
        Ok(file)
    }

    /// Writes into a file of /proc, which is no file and cannot be replaced by another.
    pub(in crate::host) fn overwrite(path: &Utf8Path, content: &[u8]) -> Result<(), FileError> {
        let written = OpenOptions::new().write(true).open(path);
        written
            .and_then(|mut file| file.write_all(content))
            .map_err(|source| FileError::new("write", path, source))
    }
}

impl Files for RealFiles {
    fn kind(&self, path: &Utf8Path) -> Result<Option<Kind>, FileError> {
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => return Ok(None),
                _ => return Err(FileError::new("look at", path, error)),
            },
        };
        let kind = metadata.file_type();
        Ok(Some(match () {
            () if kind.is_symlink() => Kind::Link,
            () if kind.is_dir() => Kind::Directory,
            () if kind.is_file() => Kind::File { mode: metadata.permissions().mode() & 0o7777 },
            () => Kind::Other,
        }))
    }

    fn publish(&self, path: &Utf8Path, content: &[u8]) -> Result<(), FileError> {
        let fail = |source| FileError::new("write", path, source);
        let file = unsynced(path, content, Mode::Public).map_err(fail)?;
        file.persist(path).map(drop).map_err(|error| fail(error.error))
    }

    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let fail = |source| FileError::new("read", path, source);
        read_whole(File::open(path).map_err(fail)?, path, limit)
    }

    fn is_open_to_others(&self, path: &Utf8Path) -> bool {
        path.metadata().is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
    }

    fn has_program(&self, name: &str) -> bool {
        SYSTEM_PATH.split(':').any(|directory| {
            let found = Utf8Path::new(directory).join(name).metadata();
            found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    }

    fn replace(&self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<(), FileError> {
        let fail = |source| FileError::new("write", path, source);
        let file = staged(path, content, mode).map_err(fail)?;
        file.persist(path).map_err(|error| fail(error.error))?;
        self.sync_dir(directory_of(path))
    }

    fn create_whole(&self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<(), FileError> {
        let fail = |source| FileError::new("create", path, source);
        let file = staged(path, content, mode).map_err(fail)?;
        // link(2), or rename(2) where it can be told to replace nothing.
        file.persist_noclobber(path).map_err(|error| fail(error.error))?;
        self.sync_dir(directory_of(path))
    }

    fn create(&self, path: &Utf8Path, content: &[u8], mode: Mode) -> Result<(), FileError> {
        let fail = |source| FileError::new("create", path, source);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode.bits())
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(fail)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode.bits())).map_err(fail)?;
        file.write_all(content).map_err(fail)?;
        file.sync_all().map_err(fail)
    }

    fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        let fail = |source| FileError::new("create", path, source);
        if path.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(fail)?;
        // The umask may have taken bits away, and others have to find their way through.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(fail)?;
        self.sync_dir(directory_of(path))
    }

    fn replace_dir(
        &self,
        path: &Utf8Path,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), FileError> {
        swap::replace_dir(path, files)
    }

    fn sync_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        let fail = |source| FileError::new("sync", path, source);
        File::open(path).and_then(|directory| directory.sync_all()).map_err(fail)
    }

    fn list(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        let fail = |source| FileError::new("list", path, source);
        let entries = match path.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_owned()).map_err(fail))
            .collect::<Result<Vec<_>, _>>()?;
        names.sort();
        Ok(names)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that renames")]
    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        std::fs::rename(from, to).map_err(|source| FileError::new("rename", from, source))?;
        self.sync_dir(directory_of(to))
    }

    fn read_link(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError> {
        match path.read_link_utf8() {
            Ok(target) => Ok(Some(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::new("read the link", path, error)),
        }
    }

    fn replace_link(&self, link: &Utf8Path, target: &Utf8Path) -> Result<(), FileError> {
        let fail = |source| FileError::new("write the link", link, source);
        let directory = directory_of(link);
        let staged = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .make_in(directory, |path| std::os::unix::fs::symlink(target, path))
            .map_err(fail)?;
        staged.persist(link).map_err(|error| fail(error.error))?;
        self.sync_dir(directory)
    }

    fn remove(&self, path: &Utf8Path) -> Result<(), FileError> {
        let fail = |source| FileError::new("remove", path, source);
        let removed = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
            Ok(_) => std::fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail(error)),
            _ => Ok(()),
        }
    }

    fn try_lock(&self, path: &Utf8Path) -> Result<Option<LockGuard>, FileError> {
        let fail = |source| FileError::new("lock", path, source);
        let file = Self::open_lock(path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(LockGuard { _file: Some(file) })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(fail(error)),
        }
    }
}

fn read_whole(file: File, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|source| FileError::new("read", path, source))?;
    if content.len() as u64 > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(content)
}

/// A file with this content beside `path`, synced, that goes away unless it is given that name.
fn staged(path: &Utf8Path, content: &[u8], mode: Mode) -> io::Result<tempfile::NamedTempFile> {
    let file = unsynced(path, content, mode)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn unsynced(path: &Utf8Path, content: &[u8], mode: Mode) -> io::Result<tempfile::NamedTempFile> {
    let permissions = || std::fs::Permissions::from_mode(mode.bits());
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .permissions(permissions())
        .tempfile_in(directory_of(path))?;
    file.write_all(content)?;
    // The umask may have taken bits away; the mode is a promise.
    file.as_file().set_permissions(permissions())?;
    Ok(file)
}
