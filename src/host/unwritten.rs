//! Files that stay as they are: for looking at what would be done.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileError, Files, Kind, LockGuard, Mode};

/// The same files, except that what is written to them is not. Locks are real.
#[derive(Clone, Copy)]
pub struct Unwritten<'a>(pub &'a dyn Files);

impl Files for Unwritten<'_> {
    fn kind(&self, path: &Utf8Path) -> Result<Option<Kind>, FileError> {
        self.0.kind(path)
    }

    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, FileError> {
        self.0.read(path, limit)
    }

    fn is_open_to_others(&self, path: &Utf8Path) -> bool {
        self.0.is_open_to_others(path)
    }

    fn has_program(&self, name: &str) -> bool {
        self.0.has_program(name)
    }

    fn replace(&self, _: &Utf8Path, _: &[u8], _: Mode) -> Result<(), FileError> {
        Ok(())
    }

    fn publish(&self, _: &Utf8Path, _: &[u8]) -> Result<(), FileError> {
        Ok(())
    }

    fn create(&self, _: &Utf8Path, _: &[u8], _: Mode) -> Result<(), FileError> {
        Ok(())
    }

    fn create_whole(&self, _: &Utf8Path, _: &[u8], _: Mode) -> Result<(), FileError> {
        Ok(())
    }

    fn create_dir(&self, _: &Utf8Path) -> Result<(), FileError> {
        Ok(())
    }

    fn replace_dir(&self, _: &Utf8Path, _: &BTreeMap<String, Vec<u8>>) -> Result<(), FileError> {
        Ok(())
    }

    fn sync_dir(&self, _: &Utf8Path) -> Result<(), FileError> {
        Ok(())
    }

    fn list(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        self.0.list(path)
    }

    fn rename(&self, _: &Utf8Path, _: &Utf8Path) -> Result<(), FileError> {
        Ok(())
    }

    fn read_link(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError> {
        self.0.read_link(path)
    }

    fn replace_link(&self, _: &Utf8Path, _: &Utf8Path) -> Result<(), FileError> {
        Ok(())
    }

    fn remove(&self, _: &Utf8Path) -> Result<(), FileError> {
        Ok(())
    }

    fn try_lock(&self, path: &Utf8Path) -> Result<Option<LockGuard>, FileError> {
        self.0.try_lock(path)
    }
}
