//! A machine in memory, for tests: it records every effect in order, and can refuse the n-th or
//! die at it.

mod files;
mod machine;
mod probes;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::panic;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileError, NetworkState, Process};
use crate::primitives::{Device, UnitId};

/// The machine. Nothing in it is shared with another one.
#[derive(Default)]
pub(crate) struct Fake {
    world: RefCell<World>,
}

/// What a machine has, and what has happened to it.
#[derive(Clone, Default)]
pub(crate) struct World {
    entries: BTreeMap<Utf8PathBuf, Entry>,
    pub(crate) network: NetworkState,
    pub(crate) processes: BTreeMap<UnitId, Process>,
    settings: BTreeMap<String, String>,
    /// The configuration that each process read when it started.
    pub(crate) read: BTreeMap<UnitId, Vec<u8>>,
    /// Where that configuration was.
    configurations: BTreeMap<UnitId, Utf8PathBuf>,
    started: u32,
    /// How often a ruleset was loaded.
    loaded: u32,
    locked: bool,
    /// What the only remote serves; without anything it does not answer.
    pub(crate) served: BTreeMap<String, Vec<u8>>,
    /// What remotes on these hosts serve instead.
    pub(crate) served_by: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// The hosts of remotes that do not answer.
    pub(crate) silent_hosts: Vec<String>,
    /// The hosts of the remotes that something was fetched from, or was to be, in order.
    pub(crate) asked: Vec<String>,
    /// The time that has passed since the machine was made.
    pub(crate) passed: Duration,
    /// How far the time of day is put forward whenever somebody has asked for it.
    pub(crate) leap: Duration,
    leapt: Duration,
    /// When it was booted, on the same clock, and how often.
    booted: Duration,
    boots: u32,
    /// The addresses that answer nobody; the far end of every tunnel that has a process and a
    /// device does, unless it is among them.
    pub(crate) silent: BTreeSet<IpAddr>,
    /// What the way to the only remote needs of the network; without it, nothing.
    pub(crate) way: Option<fn(&NetworkState) -> bool>,
    /// The units whose process cannot be started, as if it were masked, and how long it takes to
    /// find that out.
    pub(crate) masked: BTreeMap<UnitId, Duration>,
    /// The tunnels whose device cannot be removed.
    pub(crate) stuck: BTreeSet<Device>,
    /// The programs that are not installed.
    pub(crate) uninstalled: BTreeSet<&'static str>,
    /// The effects so far.
    pub(crate) effects: Vec<String>,
    fate: Fate,
    /// A file that somebody makes right before an effect.
    planted: Option<(usize, String, Vec<u8>)>,
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

impl World {
    /// Whether the only remote answers.
    fn remote_answers(&self) -> bool {
        !self.served.is_empty() && self.way.is_none_or(|way| way(&self.network))
    }

    /// Whether the far end of a tunnel answers through it.
    fn answers(&self, device: Device) -> bool {
        let link = self.network.links.get(&device).and_then(Option::as_ref);
        self.processes.contains_key(&UnitId::new("tunnel", &device))
            && link.is_some_and(|link| !self.silent.contains(&link.remote))
    }
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

    /// Takes a file or a whole directory off the disk, without that counting as an effect.
    pub(crate) fn forget(&self, path: &str) {
        self.with(|world| world.entries.retain(|entry, _| !entry.starts_with(path)));
    }

    /// Puts a link onto the disk, without that counting as an effect.
    pub(crate) fn link(&self, path: &str, target: &str) {
        self.with(|world| world.entries.insert(path.into(), Entry::Link(target.into())));
    }

    /// Lets somebody make a file right before effect `number` of the next run.
    pub(crate) fn plant(&self, number: usize, path: &str, content: &[u8]) {
        self.with(|world| world.planted = Some((number, path.to_owned(), content.to_vec())));
    }

    /// Lets the process of a unit come back by itself, as `Restart=always` does.
    pub(crate) fn respawn(&self, unit: &UnitId) {
        let configuration = self.with(|world| world.configurations[unit].clone());
        self.with(|world| world.processes.remove(unit));
        self.spawn(unit, &configuration);
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
            world.passed += Duration::from_secs(20);
            world.booted = world.passed;
            world.boots += 1;
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
        let number = self.with(|world| world.effects.len());
        let planted = self.with(|world| world.planted.take_if(|(planted, ..)| *planted == number));
        if let Some((_, path, content)) = planted {
            self.put(&path, &content);
        }
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
