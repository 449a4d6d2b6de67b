//! A disk in memory.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Entry, Fake, World};
use crate::host::{FileError, Files, Kind, LockGuard, Mode};

impl World {
    /// Follows the links in all but the last component.
    fn real(&self, path: &Utf8Path) -> Utf8PathBuf {
        let mut real = Utf8PathBuf::new();
        for part in path.components() {
            if let Some(Entry::Link(target)) = self.entries.get(&real) {
                real = real.parent().map_or_else(|| target.clone(), |parent| parent.join(target));
            }
            real.push(part);
        }
        real
    }
}

fn missing(path: &Utf8Path) -> FileError {
    FileError::NotFound { path: path.to_owned() }
}

impl Files for Fake {
    fn kind(&self, path: &Utf8Path) -> Result<Option<Kind>, FileError> {
        Ok(self.with(|world| {
            let entry = world.entries.get(&world.real(path));
            entry.map(|entry| match entry {
                Entry::File(_) => Kind::PUBLIC,
                Entry::Directory => Kind::Directory,
                Entry::Link(_) => Kind::Link,
            })
        }))
    }

    fn has_program(&self, name: &str) -> bool {
        self.with(|world| !world.uninstalled.contains(name))
    }

    fn publish(&self, path: &Utf8Path, content: &[u8]) -> Result<(), FileError> {
        self.replace(path, content, Mode::Public)
    }

    fn read(&self, path: &Utf8Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let content = self.with(|world| match world.entries.get(&world.real(path)) {
            Some(Entry::File(content)) => Ok(content.clone()),
            _ => Err(missing(path)),
        })?;
        if content.len() as u64 > limit {
            return Err(FileError::TooLarge { path: path.to_owned(), limit });
        }
        Ok(content)
    }

    fn replace(&self, path: &Utf8Path, content: &[u8], _: Mode) -> Result<(), FileError> {
        self.change("write", path)?;
        self.with(|world| {
            let real = world.real(path);
            world.entries.insert(real, Entry::File(content.to_vec()));
        });
        Ok(())
    }

    fn create(&self, path: &Utf8Path, content: &[u8], _: Mode) -> Result<(), FileError> {
        self.change("create", path)?;
        self.with(|world| {
            let real = world.real(path);
            if world.entries.contains_key(&real) {
                return Err(FileError::AlreadyExists { path: path.to_owned() });
            }
            world.entries.insert(real, Entry::File(content.to_vec()));
            Ok(())
        })
    }

    fn create_dir(&self, path: &Utf8Path) -> Result<(), FileError> {
        let there = |world: &mut World| world.entries.contains_key(&world.real(path));
        if self.with(there) {
            return Ok(());
        }
        self.change("create", path)?;
        self.with(|world| {
            let real = world.real(path);
            for directory in real.ancestors() {
                world.entries.entry(directory.to_owned()).or_insert(Entry::Directory);
            }
        });
        Ok(())
    }

    fn replace_dir(
        &self,
        path: &Utf8Path,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), FileError> {
        self.remove(path)?;
        self.create_dir(path)?;
        for (name, content) in files {
            self.put(path.join(name).as_str(), content);
        }
        Ok(())
    }

    fn sync_dir(&self, _: &Utf8Path) -> Result<(), FileError> {
        Ok(())
    }

    fn list(&self, path: &Utf8Path) -> Result<Vec<String>, FileError> {
        Ok(self.with(|world| {
            let real = world.real(path);
            let inside = world.entries.keys().filter(|entry| entry.parent() == Some(&real));
            inside.filter_map(|entry| entry.file_name()).map(str::to_owned).collect()
        }))
    }

    fn rename(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        self.change("rename", to)?;
        self.with(|world| {
            let (from, to) = (world.real(from), world.real(to));
            let moved: Vec<_> =
                world.entries.keys().filter(|path| path.starts_with(&from)).cloned().collect();
            for path in moved {
                if let (Some(entry), Ok(rest)) =
                    (world.entries.remove(&path), path.strip_prefix(&from))
                {
                    let place = if rest.as_str().is_empty() { to.clone() } else { to.join(rest) };
                    world.entries.insert(place, entry);
                }
            }
        });
        Ok(())
    }

    fn read_link(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError> {
        Ok(self.with(|world| match world.entries.get(&world.real(path)) {
            Some(Entry::Link(target)) => Some(target.clone()),
            _ => None,
        }))
    }

    fn replace_link(&self, link: &Utf8Path, target: &Utf8Path) -> Result<(), FileError> {
        self.change("link", link)?;
        self.with(|world| {
            let real = world.real(link);
            world.entries.insert(real, Entry::Link(target.to_owned()));
        });
        Ok(())
    }

    fn remove(&self, path: &Utf8Path) -> Result<(), FileError> {
        let real = self.with(|world| world.real(path));
        if !self.with(|world| world.entries.keys().any(|entry| entry.starts_with(&real))) {
            return Ok(());
        }
        self.change("remove", path)?;
        self.with(|world| world.entries.retain(|entry, _| !entry.starts_with(&real)));
        Ok(())
    }

    fn try_lock(&self, _: &Utf8Path) -> Result<Option<LockGuard>, FileError> {
        let taken = self.with(|world| std::mem::replace(&mut world.locked, true));
        Ok((!taken).then(LockGuard::pretend))
    }
}
