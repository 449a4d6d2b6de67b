//! A network, processes and a remote in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8Path;
use time::OffsetDateTime;

use super::Fake;
use crate::host::git::{Fetch, Fetched, GitError, Reach, Remotes};
use crate::host::http::{Allowance, HttpError, Mirror, Mirrors, OpenMirror};
use crate::host::{
    BootClock, Clock, Daemon, FileError, Files, Ipv6, Link, Network, NetworkError, NetworkState,
    Process, RouteKey, Service, ServiceError, Services, Via,
};
use crate::primitives::{Device, Digest, UnitId};

impl Clock for Fake {
    fn now(&self) -> OffsetDateTime {
        let since = self.with(|world| {
            let since = world.passed + world.leapt;
            world.leapt += world.leap;
            since
        });
        time::macros::datetime!(2030-01-01 12:00 UTC) + since
    }

    fn boot(&self) -> BootClock {
        self.with(|world| BootClock {
            id: format!("boot-{}", world.boots),
            uptime: world.passed.saturating_sub(world.booted),
        })
    }

    fn sleep(&self, duration: Duration) {
        self.with(|world| world.passed += duration);
    }

    fn synchronised(&self) -> Option<bool> {
        None
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
        self.with(|world| {
            world.network.links.insert(device, Some(link.clone()));
            world.network.ipv6.insert(device, Ipv6::of(link));
        });
        Ok(())
    }

    fn guard_link(&self, device: Device, link: &Link) -> Result<(), NetworkError> {
        self.command("guard", &device.to_string())?;
        self.with(|world| world.network.ipv6.insert(device, Ipv6::of(link)));
        Ok(())
    }

    fn remove_link(&self, device: Device) -> Result<(), NetworkError> {
        self.command("unlink", &device.to_string())?;
        if self.with(|world| world.stuck.contains(&device)) {
            let source = std::io::Error::other("busy");
            return Err(NetworkError::Read { table: "nothing", source });
        }
        self.with(|world| {
            world.network.links.remove(&device);
            world.network.ipv6.remove(&device);
            world.network.routes.retain(|_, via| via.device != device);
        });
        Ok(())
    }

    fn set_route(&self, route: RouteKey, via: &Via) -> Result<(), NetworkError> {
        self.command("route", &route.to_string())?;
        if let Some(by) = self.with(|world| world.network.foreign_routes.get(&route).cloned()) {
            return Err(NetworkError::Occupied { route, by });
        }
        self.with(|world| {
            assert!(world.network.links.contains_key(&via.device), "{} is not there", via.device);
            world.network.routes.insert(route, via.clone());
        });
        Ok(())
    }

    fn remove_route(&self, route: RouteKey, _: Device) -> Result<(), NetworkError> {
        self.command("unroute", &route.to_string())?;
        self.with(|world| world.network.routes.remove(&route));
        Ok(())
    }

    fn load_ruleset(&self, file: &Utf8Path) -> Result<(), NetworkError> {
        self.command("load", file.as_str())?;
        // As with the kernel, a table that is loaded again is another one.
        self.with(|world| {
            world.loaded += 1;
            world.network.table = Some(Digest::of(&world.loaded.to_be_bytes()));
        });
        Ok(())
    }

    fn remove_table(&self) -> Result<(), NetworkError> {
        self.command("unload", "")?;
        self.with(|world| world.network.table = None);
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
    fn service(&self, action: &'static str, service: &Service) -> Result<(), ServiceError> {
        let effect = self.effect(format!("{action} {}", service.id.name()));
        let fail = |source| FileError::new(action, Utf8Path::new("service"), source);
        effect.map_err(|source| ServiceError::File(fail(source)))
    }

    fn launch(&self, service: &Service) -> Result<(), ServiceError> {
        let masked = self.with(|world| world.masked.get(&service.id).copied());
        if let Some(takes) = masked {
            self.sleep(takes);
            return Err(ServiceError::Ended {
                service: service.label.clone(),
                daemon: service.daemon.title,
                log: "the log".to_owned(),
                last: ": masked".to_owned(),
            });
        }
        self.spawn(&service.id, &service.configuration);
        Ok(())
    }

    pub(super) fn spawn(&self, unit: &UnitId, configuration: &Utf8Path) {
        let read = Files::read(self, configuration, u64::MAX).unwrap_or_default();
        self.with(|world| {
            world.read.insert(unit.clone(), read);
            world.configurations.insert(unit.clone(), configuration.to_owned());
            world.started += 1;
            let process = Process { pid: world.started, started: world.started.into() };
            world.processes.insert(unit.clone(), process);
        });
    }
}

impl Services for Fake {
    fn running(&self, daemon: &Daemon) -> Result<BTreeMap<UnitId, Process>, ServiceError> {
        let all = self.with(|world| world.processes.clone());
        Ok(all.into_iter().filter(|(unit, _)| unit.kind() == daemon.kind).collect())
    }

    fn start(&self, service: &Service) -> Result<(), ServiceError> {
        self.service("start", service)?;
        self.launch(service)
    }

    fn restart(&self, service: &Service) -> Result<(), ServiceError> {
        self.service("restart", service)?;
        self.with(|world| world.processes.remove(&service.id));
        self.launch(service)
    }

    fn stop(&self, service: &Service) -> Result<(), ServiceError> {
        self.service("stop", service)?;
        self.with(|world| world.processes.remove(&service.id));
        Ok(())
    }

    /// The process stays the same, and has read what is there now.
    fn reload(&self, service: &Service) -> Result<(), ServiceError> {
        self.service("reload", service)?;
        let read = Files::read(self, &service.configuration, u64::MAX).unwrap_or_default();
        self.with(|world| {
            assert!(world.processes.contains_key(&service.id), "{} does not run", service.id);
            world.read.insert(service.id.clone(), read);
        });
        Ok(())
    }

    /// A configuration is good unless it begins with `bad`.
    fn check(&self, service: &Service) -> Result<(), ServiceError> {
        let read = Files::read(self, &service.configuration, u64::MAX).unwrap_or_default();
        if !read.starts_with(b"bad") {
            return Ok(());
        }
        let source = std::io::Error::other("bad configuration");
        Err(ServiceError::File(FileError::new("check", &service.configuration, source)))
    }
}

impl Remotes for Fake {
    fn fetch(&self, fetch: &Fetch) -> Result<Fetched, GitError> {
        let remote = fetch.remote.url.clone();
        let host = remote.host().to_owned();
        let served = self.with(|world| {
            world.asked.push(host.clone());
            let answers = world.remote_answers() && !world.silent_hosts.contains(&host);
            answers.then(|| world.served_by.get(&host).unwrap_or(&world.served).clone())
        });
        let Some(served) = served else {
            return Err(GitError::Deadline { remote, deadline: fetch.deadline });
        };
        let files = fetch.directory.join("files");
        self.with(|world| world.entries.retain(|path, _| !path.starts_with(&files)));
        for (path, content) in served {
            self.put(files.join(path).as_str(), &content);
        }
        Ok(Fetched { commit: "0".repeat(40), files, received: 0 })
    }

    fn reach(&self, reach: &Reach) -> Result<(), GitError> {
        let remote = reach.remote.url.clone();
        if !self.with(|world| world.remote_answers()) {
            return Err(GitError::Deadline { remote, deadline: reach.deadline });
        }
        Ok(())
    }
}

impl Mirrors for Fake {
    fn open(
        &self,
        mirror: &Mirror,
        allowance: Allowance,
    ) -> Result<Box<dyn OpenMirror>, HttpError> {
        let (url, deadline) = (mirror.url.to_string(), allowance.deadline);
        if !self.with(|world| world.remote_answers()) {
            return Err(HttpError::Deadline { url, deadline });
        }
        Ok(Box::new(Directory(self.with(|world| world.served.clone()))))
    }
}

/// What a remote serves, as a mirror of it does.
struct Directory(BTreeMap<String, Vec<u8>>);

impl OpenMirror for Directory {
    fn get(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        let url = path.to_owned();
        match self.0.get(path) {
            Some(file) if file.len() as u64 > limit => Err(HttpError::TooLarge { url, limit }),
            file => Ok(file.cloned()),
        }
    }
}
