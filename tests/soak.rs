//! Everything goes wrong for a while, and then it does not: everyone is on the newest release, and
//! everyone hears everyone. A seed decides what goes wrong and in which order; it is printed, and
//! `SOAK_SEED` gives it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use support::inside::{self, Inside, kill_group, lan};

/// How long everything may take to become as it should be, once nothing more goes wrong.
const PATIENCE: Duration = Duration::from_mins(4);

/// Exit codes that nothing of what happens here explains: a damaged or untrusted release, something
/// forbidden, a rollback that failed, a bad configuration.
const NEVER: [i32; 8] = [20, 21, 22, 23, 24, 31, 64, 78];

#[test]
fn five_gateways_survive_half_a_minute() {
    inside::enter("five_gateways_survive_half_a_minute", 5, |lab| {
        soak(lab, 5, Duration::from_secs(25), seed(7));
    });
}

#[test]
#[ignore = "it takes a quarter of an hour: `make soak`"]
fn twenty_gateways_survive_ten_minutes() {
    inside::enter("twenty_gateways_survive_ten_minutes", 20, |lab| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        soak(lab, 20, Duration::from_mins(10), seed(now.as_secs()));
    });
}

fn seed(otherwise: u64) -> u64 {
    let given = std::env::var("SOAK_SEED").ok();
    given.map_or(otherwise, |seed| seed.parse().expect("SOAK_SEED is a number"))
}

fn soak(lab: &Inside, count: usize, time: Duration, seed: u64) {
    eprintln!("soak: {count} gateways for {} s, SOAK_SEED={seed}", time.as_secs());
    for n in 1..=count {
        lab.configure(n, "confirm: { window: 10 }\nfetch_deadline: 10\n");
    }
    let mut dice = Dice(seed);
    let crons: Vec<_> = (1..=count).map(|n| Cron::new(n, dice.next())).collect();
    thread::scope(|scope| {
        for cron in &crons {
            scope.spawn(|| cron.run(lab));
        }
        // The threads end whatever comes of the rest.
        let _stop = Stop(&crons);
        let mut town =
            Town { lab, crons: &crons, dice, mesh: MeshNow::new(lab), did: BTreeMap::new() };
        let begun = Instant::now();
        while begun.elapsed() < time {
            town.something_goes_wrong();
        }
        eprintln!("soak: {:?}", town.did);

        // A last release that changes every tunnel of every gateway, and is like none before: a
        // gateway that has the content of a release does not take it again under a new number.
        town.mesh.ports = "13000-13999";
        town.mesh.dead = None;
        let newest = lab.release(&town.mesh.text());
        for n in 1..=count {
            let begun = Instant::now();
            while lab.in_use(n) != newest {
                let said = crons[n - 1].said.lock().unwrap().clone();
                let status = lab.status(n);
                assert!(begun.elapsed() < PATIENCE, "gw-{n} not on {newest}: {said}\n{status:#}");
                thread::sleep(Duration::from_millis(500));
            }
        }
    });
    lab.all_reach(PATIENCE);
    let mut ended: BTreeMap<i32, usize> = BTreeMap::new();
    for (code, times) in crons.iter().flat_map(|cron| cron.ended.lock().unwrap().clone()) {
        *ended.entry(code).or_default() += times;
    }
    eprintln!("soak: runs by exit code, -1 for killed: {ended:?}");
}

/// What the seed decides.
struct Dice(u64);

impl Dice {
    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn milliseconds(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis((from + self.below(to - from)) as u64)
    }
}

/// Runs the reconciler of one gateway again and again.
struct Cron {
    n: usize,
    dice: Mutex<Dice>,
    /// The run that goes on. It is reaped only under this lock, so whoever has the lock can kill it.
    run: Mutex<Option<Child>>,
    stop: AtomicBool,
    /// What the last run said.
    said: Mutex<String>,
    /// How often runs ended with which code.
    ended: Mutex<BTreeMap<i32, usize>>,
}

impl Cron {
    fn new(n: usize, seed: u64) -> Self {
        Self {
            n,
            dice: Mutex::new(Dice(seed)),
            run: Mutex::default(),
            stop: AtomicBool::new(false),
            said: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    fn run(&self, lab: &Inside) {
        while !self.stop.load(Ordering::Relaxed) {
            *self.run.lock().unwrap() = Some(lab.start(self.n));
            let (code, said) = loop {
                thread::sleep(Duration::from_millis(20));
                if let Some(ended) = self.look() {
                    break ended;
                }
            };
            *self.ended.lock().unwrap().entry(code).or_default() += 1;
            assert!(!NEVER.contains(&code), "gw-{} ended with {code}: {said}", self.n);
            *self.said.lock().unwrap() = said;
            let pause = self.dice.lock().unwrap().milliseconds(500, 3000);
            thread::sleep(pause);
        }
    }

    /// How the run ended, if it has.
    fn look(&self) -> Option<(i32, String)> {
        let mut run = self.run.lock().unwrap();
        let status = run.as_mut().unwrap().try_wait().unwrap()?;
        let mut said = String::new();
        let _ = run.take().unwrap().stderr.unwrap().read_to_string(&mut said);
        Some((status.code().unwrap_or(-1), said))
    }

    fn kill(&self) {
        if let Some(run) = &*self.run.lock().unwrap() {
            kill_group(run.id());
        }
    }
}

/// Stops everybody when it goes.
struct Stop<'a>(&'a [Cron]);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        for cron in self.0 {
            cron.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// The mesh as it is to be released next.
struct MeshNow {
    first: String,
    /// LANs that have a second prefix.
    wide: BTreeSet<usize>,
    ports: &'static str,
    /// Whether a gateway that nobody has set up claims the network of the git server, and what else
    /// it claims, so that no two such releases are the same.
    dead: Option<usize>,
}

impl MeshNow {
    const PORTS: [&str; 2] = ["11000-11999", "12000-12999"];

    fn new(lab: &Inside) -> Self {
        Self { first: lab.mesh(), wide: BTreeSet::new(), ports: MeshNow::PORTS[0], dead: None }
    }

    fn text(&self) -> String {
        let mut text = self.first.clone();
        for n in &self.wide {
            let first = format!("[10.1.{n}.0/24]");
            text = text.replace(&first, &format!("[10.1.{n}.0/24, 10.2.{n}.0/24]"));
        }
        text = text.replace(Self::PORTS[0], self.ports);
        if let Some(number) = self.dead {
            let more = format!("[10.1.99.0/24, 10.77.0.0/24, 10.3.{number}.0/24]");
            text.push_str(&lan(99).replace("[10.1.99.0/24]", &more));
        }
        text
    }
}

/// Where things go wrong.
struct Town<'a> {
    lab: &'a Inside,
    crons: &'a [Cron],
    dice: Dice,
    mesh: MeshNow,
    /// What went wrong how often.
    did: BTreeMap<&'static str, usize>,
}

impl Town<'_> {
    fn something_goes_wrong(&mut self) {
        let pause = self.dice.milliseconds(100, 900);
        thread::sleep(pause);
        let n = 1 + self.dice.below(self.crons.len());
        let what = match self.dice.below(20) {
            0..6 => {
                self.crons[n - 1].kill();
                "a reconciler is killed"
            }
            6..11 => {
                self.kill_a_tunnel(n);
                "a tunnel is killed"
            }
            11..13 => {
                self.lab.stop_git();
                let pause = self.dice.milliseconds(100, 3000);
                thread::sleep(pause);
                self.lab.start_git();
                "the git server restarts"
            }
            13..19 => {
                self.change(n);
                "a release"
            }
            _ => {
                self.mesh.dead = Some(self.dice.below(250));
                self.lab.release(&self.mesh.text());
                "a release that cuts everyone off"
            }
        };
        *self.did.entry(what).or_default() += 1;
    }

    /// Kills one OpenVPN process of a gateway, or all of them.
    fn kill_a_tunnel(&mut self, n: usize) {
        let processes = self.lab.pids(n);
        let all = self.dice.below(4) == 0;
        let one = self.dice.below(processes.len().max(1));
        for (number, pid) in processes.iter().enumerate() {
            if all || number == one {
                let _ = Command::new("kill").args(["-9", pid]).output();
            }
        }
    }

    fn change(&mut self, n: usize) {
        self.mesh.dead = None;
        if self.dice.below(4) == 0 {
            self.mesh.ports = MeshNow::PORTS[usize::from(self.mesh.ports == MeshNow::PORTS[0])];
        } else if !self.mesh.wide.remove(&n) {
            self.mesh.wide.insert(n);
        }
        self.lab.release(&self.mesh.text());
    }
}
