//! One gateway that is disturbed at one point after the other, each time from the same beginning,
//! and what has to be true of it afterwards.

#![allow(clippy::disallowed_methods, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::gateways::{Ended, Gateway, Site, kill, list};
use super::mesh;
use super::releases::run;

/// What a disturbed run was about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// The first release comes to an empty host.
    Install,
    /// The second release comes to a host that has the first.
    Update,
    /// The same, and the second release takes away what the administrator checks.
    Rollback,
}

/// A gateway, the beginning it is put back to, and how an undisturbed run ends.
pub struct Sweep {
    site: Site,
    scenario: Scenario,
    /// The state directory as it is before each disturbed run.
    prepared: PathBuf,
    /// The versions in the trusted metadata then.
    versions: BTreeMap<String, u64>,
    /// The generations that may be in use, by name, and their files with digests.
    generations: BTreeMap<String, String>,
    /// How the gateway is when everything is over.
    end: Picture,
    /// How an undisturbed run ends.
    code: i32,
}

/// What has to be the same, whatever happened on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Picture {
    current: Option<String>,
    trusted: String,
    tunnels: BTreeSet<String>,
    kernel: BTreeSet<String>,
}

impl Sweep {
    /// Prepares a scenario. The undisturbed run is the first use of it.
    pub fn new(scenario: Scenario) -> Self {
        let mut site = Site::new(1);
        mesh::add(&mut site.mesh, 2);
        let prepared = site.gateway(1).directory.join("prepared");
        fs::create_dir(&prepared).unwrap();
        fs::create_dir(site.gateway(1).directory.join("state")).unwrap();
        // What cannot become healthy is given up soon.
        let short = "confirm: { window: 2 }\n";
        site.gateway(1).configure(&[site.git.url()], short);
        site.release();
        let mut generations = BTreeMap::new();
        if scenario != Scenario::Install {
            site.gateway(1).converge();
            generations.extend(in_use(site.gateway(1)));
            copy(&site.gateway(1).directory.join("state"), &prepared);
            if scenario == Scenario::Rollback {
                // The address of the gateway itself in the tunnel that goes away.
                let more = format!(
                    "{short}checks: [{{ ping: {} }}]\n",
                    own_address(site.gateway(1), "tl-2")
                );
                site.gateway(1).configure(&[site.git.url()], &more);
                site.mesh.lans.remove("lan-2");
            } else {
                mesh::add(&mut site.mesh, 3);
            }
            site.release();
        }
        let mut sweep = Self {
            site,
            scenario,
            prepared,
            versions: BTreeMap::new(),
            generations,
            end: Picture {
                current: None,
                trusted: String::new(),
                tunnels: BTreeSet::new(),
                kernel: BTreeSet::new(),
            },
            code: if scenario == Scenario::Rollback { 30 } else { 0 },
        };
        sweep.begin();
        sweep.versions = versions(sweep.gateway());
        let ended = sweep.gateway().reconcile();
        assert_eq!(ended.code, sweep.code, "{}", ended.stderr);
        sweep.generations.extend(in_use(sweep.gateway()));
        if scenario == Scenario::Rollback {
            // What was tried is a generation as well.
            let all = sweep.gateway().directory.join("state/generations");
            for entry in fs::read_dir(all).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                sweep.generations.insert(name, listing(&path));
            }
        }
        sweep.end = sweep.picture();
        sweep
    }

    /// The gateway that is disturbed.
    pub fn gateway(&self) -> &Gateway {
        self.site.gateway(1)
    }

    /// What the disturbed runs are about to do.
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// Where its state is.
    pub fn state(&self) -> PathBuf {
        self.gateway().directory.join("state")
    }

    /// Puts everything back to where it was before.
    pub fn begin(&self) {
        self.power_off();
        let state = self.state();
        for entry in fs::read_dir(&state).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == "lost+found") {
                continue;
            }
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
        }
        copy(&self.prepared, &state);
    }

    /// Takes away what is gone without power: processes, devices, the run directory.
    pub fn power_off(&self) {
        let gateway = self.gateway();
        let pids = run(Command::new("ip").args(["netns", "pids", &gateway.netns]));
        for pid in pids.split_ascii_whitespace() {
            kill(pid.parse().unwrap());
        }
        let script = "for device in $(ip -o link | sed -n 's/^[0-9]*: \\(tl-[0-9]*\\):.*/\\1/p'); \
                      do ip link delete $device; done; nft flush ruleset; \
                      echo 0 > /proc/sys/net/ipv4/ip_forward";
        run(gateway.command("sh").args(["-ec", script]));
        match fs::remove_dir_all(gateway.directory.join("run")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }

    /// What has to be true right after a disturbed run: every file of the state parses, what is in
    /// use is one whole generation, and what is trusted has not become older.
    pub fn check(&self, point: &str) {
        let state = self.state();
        for path in files_below(&state) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let below = path.strip_prefix(&state).unwrap();
            let whole = !name.starts_with(".tieline-")
                && !below.starts_with("git")
                && !below.starts_with("generations");
            if whole && path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read(&path).unwrap();
                let parsed = serde_json::from_slice::<serde_json::Value>(&text);
                assert!(parsed.is_ok(), "{point}: {} is no JSON: {parsed:?}", path.display());
            }
        }
        match in_use(self.gateway()) {
            Some((name, files)) => {
                let good = self.generations.get(&name);
                assert_eq!(Some(&files), good, "{point}: {name} is neither old nor new");
            }
            None => assert_eq!(self.scenario, Scenario::Install, "{point}: nothing is in use"),
        }
        let now = versions(self.gateway());
        for (role, version) in &self.versions {
            let trusted = now.get(role);
            assert!(trusted >= Some(version), "{point}: {role} {version} became {trusted:?}");
        }
    }

    /// The next undisturbed run ends where it would have ended without the disturbance. A release
    /// whose use the disturbance made fail was rolled back, and is used when it is tried again.
    /// Says whether that was so.
    pub fn converges(&self, point: &str) -> bool {
        let gateway = self.gateway();
        let ended = gateway.reconcile();
        if (ended.code, self.code) == (0, 30) {
            // What was disturbed is how the gateway was before: then a check proves nothing.
            self.check(point);
            return false;
        }
        let rejected = ended.code == 30 && self.code == 0;
        if rejected {
            self.check(point);
            let mut lift = gateway.command(env!("CARGO_BIN_EXE_tieline"));
            lift.args(["rollback", "--lift", "--config"]);
            run(lift.arg(gateway.directory.join("gateway.yaml")));
            let ended = gateway.reconcile();
            assert_eq!(ended.code, 0, "{point}: {}", ended.stderr);
        } else {
            assert_eq!(ended.code, self.code, "{point}: {}", ended.stderr);
        }
        self.check(point);
        assert_eq!(self.picture(), self.end, "{point}: {}", ended.stderr);
        assert!(!self.state().join("journal.json").exists(), "{point}: a transaction is open");
        let half = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tieline-"))
        };
        let half: Vec<_> = files_below(&gateway.directory).into_iter().filter(half).collect();
        assert!(half.is_empty(), "{point}: half of a file is left: {half:?}");
        rejected
    }

    /// The exit code of an undisturbed run.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// What a run promises that ended as an undisturbed one does: that is in use.
    pub fn promised(&self, point: &str) {
        assert_eq!(in_use(self.gateway()).map(|(name, _)| name), self.end.current, "{point}");
        assert_eq!(self.gateway().trusted(), self.end.trusted, "{point}");
    }

    fn picture(&self) -> Picture {
        let gateway = self.gateway();
        let running = gateway.running();
        // Neither the process ids nor the numbers of the devices.
        let kernel = running.lines().skip(1).map(|line| match line.split_once(": ") {
            Some((number, rest)) if number.parse::<u32>().is_ok() => rest.to_owned(),
            _ => line.to_owned(),
        });
        Picture {
            current: in_use(gateway).map(|(name, _)| name),
            trusted: gateway.trusted(),
            tunnels: gateway.processes().into_keys().collect(),
            kernel: kernel.collect(),
        }
    }
}

/// `SplitMix64`.
pub struct Dice(pub u64);

impl Dice {
    /// `SOAK_SEED`, or else `otherwise`; printed, for who wants the same again.
    pub fn seeded(what: &str, otherwise: u64) -> Self {
        let given = std::env::var("SOAK_SEED").ok();
        let seed = given.map_or(otherwise, |seed| seed.parse().expect("SOAK_SEED is a number"));
        eprintln!("{what}: SOAK_SEED={seed}");
        Self(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    /// `count` of these, or all where there are no more.
    pub fn sample<T>(&mut self, mut from: Vec<T>, count: usize) -> Vec<T> {
        let mut taken = Vec::new();
        while taken.len() < count && !from.is_empty() {
            let index = self.below(from.len());
            taken.push(from.swap_remove(index));
        }
        taken
    }
}

/// Runs `command`, and hands back how it ended; one that a signal ended has the code -1.
pub fn ended(command: &mut Command) -> Ended {
    Ended::from(command.output().unwrap())
}

/// The generation that `current` points at, and its files.
fn in_use(gateway: &Gateway) -> Option<(String, String)> {
    let state = gateway.directory.join("state");
    let link = fs::read_link(state.join("current")).ok()?;
    let name = link.file_name().unwrap().to_str().unwrap().to_owned();
    let files = listing(&state.join(&link));
    Some((name, files))
}

fn listing(directory: &Path) -> String {
    let mut text = String::new();
    list(directory, directory, &mut text);
    text
}

/// The versions of the trusted metadata, by file.
fn versions(gateway: &Gateway) -> BTreeMap<String, u64> {
    let mut versions = BTreeMap::new();
    for path in files_below(&gateway.directory.join("state/metadata")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|extension| extension == "json") {
            let json: serde_json::Value =
                serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            versions.insert(name.to_owned(), json["signed"]["version"].as_u64().unwrap());
        }
    }
    versions
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            found.extend(files_below(&path));
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from.join(".")).arg(to));
}

fn own_address(gateway: &Gateway, device: &str) -> String {
    let text = run(gateway.command("ip").args(["-4", "-o", "address", "show", device]));
    let address = text.split("inet ").nth(1).unwrap().split([' ', '/']).next().unwrap();
    address.to_owned()
}
