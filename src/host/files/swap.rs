//! Directories that are made whole: the old content or the new, never a mixture.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{FileError, TEMPORARY};

/// Makes `path` a directory of exactly `files`, by name: writes them beside it and swaps the two
/// in one step (renameat2(2), RENAME_EXCHANGE) where the file system can.
pub(super) fn replace_dir(
    path: &Utf8Path,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), FileError> {
    let fail = |source| FileError::new("write", path, source);
    let parent = match path.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent,
        _ => Utf8Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(fail)?;
    let staged = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(parent).map_err(fail)?;
    let new = Utf8PathBuf::from_path_buf(staged.path().join("new"))
        .map_err(|_| fail(io::Error::other("its path is not UTF-8")))?;
    std::fs::create_dir(&new).map_err(fail)?;
    permit(&new, 0o755).map_err(fail)?;
    for (name, content) in files {
        write(&new.join(name), content)?;
    }
    // What was there before is in `staged` afterwards, and goes away with it.
    swap(path, &new).map_err(fail)
}

/// Puts `new` where `path` is. What was at `path` is at `new` or beside it afterwards.
fn swap(path: &Utf8Path, new: &Utf8Path) -> io::Result<()> {
    let exchange = |flags| renameat_with(CWD, new.as_std_path(), CWD, path.as_std_path(), flags);
    match exchange(RenameFlags::EXCHANGE) {
        Err(Errno::NOENT) => Ok(exchange(RenameFlags::empty())?),
        // Not every file system can: then there is nothing at `path` for a moment.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let old = new.with_file_name("old");
            renameat_with(CWD, path.as_std_path(), CWD, old.as_std_path(), RenameFlags::empty())?;
            Ok(exchange(RenameFlags::empty())?)
        }
        done => Ok(done?),
    }
}

#[expect(clippy::disallowed_methods, reason = "it becomes visible as a whole, with its directory")]
fn write(path: &Utf8Path, content: &[u8]) -> Result<(), FileError> {
    let written = std::fs::write(path, content).and_then(|()| permit(path, 0o644));
    written.map_err(|source| FileError::new("write", path, source))
}

/// Sets the mode, whatever the umask took away.
fn permit(path: &Utf8Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_old_remains() {
        let outside = tempfile::tempdir().unwrap();
        let outside = Utf8Path::from_path(outside.path()).unwrap();
        let path = outside.join("deep/build");
        let files = |names: &[&str]| -> BTreeMap<String, Vec<u8>> {
            names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect()
        };
        for names in [&["a", "b"][..], &["b", "c"], &[]] {
            replace_dir(&path, &files(names)).unwrap();
            let found: Vec<_> = path.read_dir_utf8().unwrap().map(Result::unwrap).collect();
            assert_eq!(found.len(), names.len());
            for name in names {
                let metadata = path.join(name).metadata().unwrap();
                assert_eq!(metadata.permissions().mode() & 0o777, 0o644);
            }
            // Nothing is left lying about.
            assert_eq!(path.parent().unwrap().read_dir_utf8().unwrap().count(), 1);
        }
    }

    #[test]
    fn a_file_in_the_way_is_no_parent() {
        let outside = tempfile::tempdir().unwrap();
        let outside = Utf8Path::from_path(outside.path()).unwrap();
        write(&outside.join("file"), b"").unwrap();
        assert!(replace_dir(&outside.join("file/build"), &BTreeMap::new()).is_err());
    }
}
