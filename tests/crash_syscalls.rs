//! The real reconciler, killed before or refused any system call that changes something: the old
//! release is in use or the new one, and the next run ends as if nothing had happened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use support::gateways::TOOLS;
use support::sandbox;
use support::sweep::{Dice, Scenario, Sweep, ended};

/// The calls that change something on a disk, by whatever name a C library uses; a leading `?`
/// lets an architecture lack one.
const CALLS: &str = "openat,write,?pwrite64,fsync,?fdatasync,?rename,renameat,?renameat2,?symlink,\
                     symlinkat,?link,linkat,?unlink,unlinkat,?mkdir,mkdirat,?rmdir,?chmod,fchmod,\
                     fchmodat,?truncate,ftruncate,?fallocate,flock";

/// What is done at the call.
const FAULTS: [&str; 6] =
    ["signal=KILL", "error=EIO", "error=ENOSPC", "error=EROFS", "error=EDQUOT", "error=EINTR"];

const SCENARIOS: [Scenario; 3] = [Scenario::Install, Scenario::Update, Scenario::Rollback];

/// One disturbance: a fault at the n-th call of a name.
#[derive(Debug, Clone)]
struct Point {
    fault: &'static str,
    call: String,
    n: usize,
}

#[test]
fn some_system_calls_killed_or_refused_end_old_or_new() {
    let test = "some_system_calls_killed_or_refused_end_old_or_new";
    sandbox::enter(test, &[TOOLS, &["strace"]].concat(), || {
        let mut dice = Dice::seeded("system calls", 11);
        for (scenario, count) in SCENARIOS.into_iter().zip([8, 22, 8]) {
            sweep(scenario, |points| dice.sample(points, count));
        }
    });
}

#[test]
#[ignore = "it takes the better part of an hour: `make soak`"]
fn every_system_call_killed_or_refused_ends_old_or_new() {
    let test = "every_system_call_killed_or_refused_ends_old_or_new";
    sandbox::enter(test, &[TOOLS, &["strace"]].concat(), || {
        for scenario in SCENARIOS {
            sweep(scenario, |points| points);
        }
    });
}

/// How many gateways are disturbed at the same time: mostly they wait for OpenVPN.
const WORKERS: usize = 4;

fn sweep(scenario: Scenario, choose: impl FnOnce(Vec<Point>) -> Vec<Point>) {
    let first = Sweep::new(scenario);
    let all = points(&first);
    let of = all.len();
    let chosen = choose(all);
    let tally = Mutex::new(Tally::default());
    let begun = Instant::now();
    thread::scope(|scope| {
        for worker in 1..WORKERS {
            let part = chosen.iter().skip(worker).step_by(WORKERS);
            let tally = &tally;
            scope.spawn(move || disturb(&Sweep::new(scenario), part, tally));
        }
        disturb(&first, chosen.iter().step_by(WORKERS), &tally);
    });
    let Tally { codes, rejected } = tally.into_inner().unwrap();
    assert_eq!(codes.values().sum::<usize>(), chosen.len());
    eprintln!(
        "system calls, {scenario:?}: {} points of {of} in {} s; runs by exit code, -1 for killed: \
         {codes:?}; {rejected} releases rolled back and tried again",
        chosen.len(),
        begun.elapsed().as_secs(),
    );
}

/// How disturbed runs ended.
#[derive(Default)]
struct Tally {
    codes: BTreeMap<i32, usize>,
    rejected: usize,
}

fn disturb<'a>(sweep: &Sweep, points: impl Iterator<Item = &'a Point>, tally: &Mutex<Tally>) {
    let scenario = sweep.scenario();
    for point in points {
        sweep.begin();
        let inject = point.inject();
        let strace = ["strace", "-f", "-b", "execve", "-qq", "-o", "/dev/null", "-e"];
        let wrapper = [&strace[..], &[&inject, "-e", "signal=none"]].concat();
        let ended = ended(&mut sweep.gateway().reconcile_command(&wrapper));
        let code = ended.code;
        let shown = format!("{scenario:?}, {inject}, which ended with {code}: {}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{shown}");
        sweep.check(&shown);
        if code == 0 && sweep.code() == 0 {
            sweep.promised(&shown);
        }
        let rejected = sweep.converges(&shown);
        let mut tally = tally.lock().unwrap();
        *tally.codes.entry(code).or_default() += 1;
        tally.rejected += usize::from(rejected);
    }
}

/// All points of a scenario: an undisturbed run is traced, and its calls are counted.
fn points(sweep: &Sweep) -> Vec<Point> {
    sweep.begin();
    let trace = sweep.gateway().directory.join("trace");
    let calls = format!("trace={CALLS}");
    let strace = ["strace", "-f", "-b", "execve", "-qq", "-e", &calls, "-e", "signal=none", "-o"];
    let wrapper = [&strace[..], &[trace.to_str().unwrap()]].concat();
    let ended = ended(&mut sweep.gateway().reconcile_command(&wrapper));
    assert_eq!(ended.code, sweep.code(), "{}", ended.stderr);
    // strace counts the calls of each thread on its own.
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in fs::read_to_string(trace).unwrap().lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let call = rest.trim_start().split('(').next().unwrap();
        if call.chars().all(|c| c.is_ascii_alphanumeric()) {
            *counts.entry((call.to_owned(), thread.to_owned())).or_default() += 1;
        }
    }
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for ((call, _), count) in counts {
        let entry = most.entry(call).or_default();
        *entry = count.max(*entry);
    }
    eprintln!("system calls, {:?}: {most:?}", sweep.scenario());
    let mut points = Vec::new();
    for (call, count) in most {
        for n in 1..=count {
            points.extend(FAULTS.map(|fault| Point { fault, call: call.clone(), n }));
        }
    }
    points
}

impl Point {
    fn inject(&self) -> String {
        format!("inject={}:{}:when={}", self.call, self.fault, self.n)
    }
}
