//! A machine in memory, for tests: it records every effect in order, and can refuse the n-th or
//! die at it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::panic;

use camino::{Utf8Path, Utf8PathBuf};
use ipnet::IpNet;
use time::OffsetDateTime;

use super::git::{Fetch, Fetched, GitError, Remotes};
use super::{
    Clock, FileError, Files, Link, LockGuard, Mode, Network, NetworkError, NetworkState, Process,
    ServiceError, Services, Via,
};
use crate::primitives::Device;

/// The machine. Nothing in it is shared with another one.
#[derive(Default)]
pub(crate) struct Fake {
    world: RefCell<World>,
}

/// What a machine has, and what has happened to it.
#[derive(Default)]
pub(crate) struct World {
    entries: BTreeMap<Utf8PathBuf, Entry>,
    pub(crate) network: NetworkState,
    pub(crate) processes: BTreeMap<Device, Process>,
    settings: BTreeMap<String, String>,
    /// The configuration that each process read when it started.
    pub(crate) read: BTreeMap<Device, Vec<u8>>,
    started: u32,
    locked: bool,
    /// What the only remote serves; without anything it does not answer.
    pub(crate) served: BTreeMap<String, Vec<u8>>,
    /// The effects so far.
    pub(crate) effects: Vec<String>,
    fate: Fate,
}

/// What happens at one effect, counted from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing out of the ordinary.
    #[default]
    Kind,
    /// It fails.
    Refuse(usize),
    /// The process dies before it.
    Die(usize),
}

/// The payload of the panic that stands for a process that died.
pub(crate) struct Died;

#[derive(Clone, PartialEq, Eq)]
enum Entry {
    File(Vec<u8>),
    Directory,
    Link(Utf8PathBuf),
}

impl Fake {
    /// Lets a test look at the machine or change it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.borrow_mut())
    }

    /// Puts a file onto the disk, without that counting as an effect.
    pub(crate) fn put(&self, path: &str, content: &[u8]) {
        self.with(|world| world.entries.insert(path.into(), Entry::File(content.to_vec())));
    }

    /// Begins a new run, which has this fate. What the last one held is free again.
    pub(crate) fn begin(&self, fate: Fate) {
        self.with(|world| {
            world.fate = fate;
            world.effects.clear();
            world.locked = false;
        });
    }

    /// Takes everything away that a reboot takes away.
    pub(crate) fn reboot(&self, run: &Utf8Path) {
        self.with(|world| {
            world.network = NetworkState {
                attached: world.network.attached.clone(),
                addresses: world.network.addresses.clone(),
                ..NetworkState::default()
            };
            world.processes.clear();
            world.settings.clear();
            world.entries.retain(|path, _| !path.starts_with(run));
        });
    }

    /// Everything on the disk below `directory`, in words.
    pub(crate) fn disk(&self, directory: &Utf8Path) -> Vec<String> {
        self.with(|world| {
            let below = world.entries.iter().filter(|(path, _)| path.starts_with(directory));
            let tell = |(path, entry): (&Utf8PathBuf, &Entry)| match entry {
                Entry::File(content) => format!("{path}: {} bytes", content.len()),
                Entry::Directory => format!("{path}/"),
                Entry::Link(target) => format!("{path} -> {target}"),
            };
            below.map(tell).collect()
        })
    }

    /// One effect: recorded, unless its fate is another.
    fn effect(&self, what: String) -> io::Result<()> {
        let fate = self.with(|world| {
            let number = world.effects.len();
            world.effects.push(what);
            match world.fate {
                Fate::Refuse(at) | Fate::Die(at) if at != number => Fate::Kind,
                fate => fate,
            }
        });
        match fate {
            Fate::Kind => Ok(()),
            Fate::Refuse(_) => Err(io::Error::other("refused by the fake host")),
            Fate::Die(_) => panic::resume_unwind(Box::new(Died)),
        }
    }

    fn change(&self, action: &'static str, path: &Utf8Path) -> Result<(), FileError> {
        let effect = self.effect(format!("{action} {path}"));
        effect.map_err(|source| FileError::new(action, path, source))
    }
}

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

impl Clock for Fake {
    fn now(&self) -> OffsetDateTime {
        time::macros::datetime!(2030-01-01 12:00 UTC)
    }
}

impl Fake {
    fn command(&self, action: &'static str, what: &str) -> Result<(), NetworkError> {
        let fail = |source| NetworkError::Read { table: "nothing", source };
        self.effect(format!("{action} {what}")).map_err(fail)
    }
}

impl Network for Fake {
    fn observe(&self) -> Result<NetworkState, NetworkError> {
        Ok(self.with(|world| world.network.clone()))
    }

    fn set_link(&self, device: Device, link: &Link) -> Result<(), NetworkError> {
        self.command("link", &device.to_string())?;
        self.with(|world| world.network.links.insert(device, Some(link.clone())));
        Ok(())
    }

    fn remove_link(&self, device: Device) -> Result<(), NetworkError> {
        self.command("unlink", &device.to_string())?;
        self.with(|world| {
            world.network.links.remove(&device);
            world.network.routes.retain(|_, via| via.device != device);
        });
        Ok(())
    }

    fn set_route(&self, to: IpNet, via: &Via) -> Result<(), NetworkError> {
        self.command("route", &to.to_string())?;
        self.with(|world| {
            assert!(world.network.links.contains_key(&via.device), "{} is not there", via.device);
            world.network.routes.insert(to, via.clone());
        });
        Ok(())
    }

    fn remove_route(&self, to: IpNet, _: Device) -> Result<(), NetworkError> {
        self.command("unroute", &to.to_string())?;
        self.with(|world| world.network.routes.remove(&to));
        Ok(())
    }

    fn load_ruleset(&self, file: &Utf8Path) -> Result<(), NetworkError> {
        self.command("load", file.as_str())?;
        self.with(|world| world.network.table = true);
        Ok(())
    }

    fn remove_table(&self) -> Result<(), NetworkError> {
        self.command("unload", "")?;
        self.with(|world| world.network.table = false);
        Ok(())
    }

    fn setting(&self, name: &str) -> Result<String, NetworkError> {
        Ok(self.with(|world| world.settings.get(name).cloned().unwrap_or_else(|| "0".to_owned())))
    }

    fn set_setting(&self, name: &str, value: &str) -> Result<(), NetworkError> {
        self.command("set", name)?;
        self.with(|world| world.settings.insert(name.to_owned(), value.to_owned()));
        Ok(())
    }
}

impl Fake {
    fn service(&self, action: &'static str, device: Device) -> Result<(), ServiceError> {
        let effect = self.effect(format!("{action} {device}"));
        let fail = |source| FileError::new(action, Utf8Path::new("tunnel"), source);
        effect.map_err(|source| ServiceError::File(fail(source)))
    }

    fn spawn(&self, device: Device) {
        let paths = crate::host::TunnelFiles {
            current: "/var/lib/tieline/current".into(),
            identity: Utf8PathBuf::new(),
            run: Utf8PathBuf::new(),
        };
        let config = self.read(&paths.config(device), u64::MAX).unwrap_or_default();
        self.with(|world| {
            world.read.insert(device, config);
            world.started += 1;
            let process = Process { pid: world.started, started: world.started.into() };
            world.processes.insert(device, process);
        });
    }
}

impl Services for Fake {
    fn running(&self) -> Result<BTreeMap<Device, Process>, ServiceError> {
        Ok(self.with(|world| world.processes.clone()))
    }

    fn start(&self, device: Device) -> Result<(), ServiceError> {
        self.service("start", device)?;
        self.spawn(device);
        Ok(())
    }

    fn restart(&self, device: Device) -> Result<(), ServiceError> {
        self.service("restart", device)?;
        self.spawn(device);
        Ok(())
    }

    fn stop(&self, device: Device) -> Result<(), ServiceError> {
        self.service("stop", device)?;
        self.with(|world| world.processes.remove(&device));
        Ok(())
    }
}

impl Remotes for Fake {
    fn fetch(&self, fetch: &Fetch) -> Result<Fetched, GitError> {
        let remote = fetch.remote.url.clone();
        let served = self.with(|world| world.served.clone());
        if served.is_empty() {
            return Err(GitError::Deadline { remote, deadline: fetch.deadline });
        }
        let files = fetch.directory.join("files");
        self.with(|world| world.entries.retain(|path, _| !path.starts_with(&files)));
        for (path, content) in served {
            self.put(files.join(path).as_str(), &content);
        }
        Ok(Fetched { commit: "0".repeat(40), files, received: 0 })
    }
}
