//! The real reconciler on disks that are full, and on disks whose power is cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, clippy::print_stderr, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::gateways::{TOOLS, is_root, kill};
use support::releases::run;
use support::sandbox;
use support::sweep::{Dice, Scenario, Sweep, ended};

/// A disk that holds whatever comes.
const AMPLE: &str = "size=64m,nr_inodes=10000";

#[test]
fn on_some_full_disks_it_ends_old_or_new() {
    sandbox::enter("on_some_full_disks_it_ends_old_or_new", TOOLS, || {
        let mut dice = Dice::seeded("full disks", 12);
        for scenario in [Scenario::Install, Scenario::Update] {
            fill(scenario, |disks| dice.sample(disks, 8));
        }
    });
}

#[test]
#[ignore = "it takes minutes: `make soak`"]
fn on_every_full_disk_it_ends_old_or_new() {
    sandbox::enter("on_every_full_disk_it_ends_old_or_new", TOOLS, || {
        for scenario in [Scenario::Install, Scenario::Update] {
            fill(scenario, |disks| disks);
        }
    });
}

/// Runs on tmpfs of a page more each time, and of a file more each time, until the run ends well.
fn fill(scenario: Scenario, choose: impl FnOnce(Vec<String>) -> Vec<String>) {
    let sweep = Sweep::new(scenario);
    let state = sweep.state();
    mount(&["-t", "tmpfs", "-o", AMPLE, "tmpfs"], &state);
    sweep.begin();
    // The least that the beginning itself needs, in pages and in files.
    let (pages, inodes) = used(&state);
    assert_eq!(ended(&mut sweep.gateway().reconcile_command(&[])).code, 0);
    let (last_pages, last_inodes) = used(&state);
    // What is needed for a moment only comes on top.
    let mut disks: Vec<_> = (pages.max(1)..last_pages + 64)
        .map(|pages| format!("size={}k,nr_inodes=10000", 4 * pages))
        .collect();
    disks.extend((inodes..last_inodes + 64).map(|n| format!("size=64m,nr_inodes={n}")));
    let chosen = choose(disks);
    let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
    for disk in &chosen {
        sweep.power_off();
        umount(&state);
        mount(&["-t", "tmpfs", "-o", AMPLE, "tmpfs"], &state);
        sweep.begin();
        run(Command::new("mount").args(["-o", &format!("remount,{disk}")]).arg(&state));
        let ended = ended(&mut sweep.gateway().reconcile_command(&[]));
        *codes.entry(ended.code).or_default() += 1;
        let shown =
            format!("{scenario:?} on {disk}, which ended with {}: {}", ended.code, ended.stderr);
        sweep.check(&shown);
        if ended.code == 0 {
            sweep.promised(&shown);
        } else {
            // That there is no room is not held against a release.
            assert_ne!(ended.code, 30, "{shown}");
            assert!(ended.stderr.to_lowercase().contains("no space left"), "{shown}");
        }
        run(Command::new("mount").args(["-o", &format!("remount,{AMPLE}")]).arg(&state));
        sweep.converges(&shown);
    }
    eprintln!("full disks, {scenario:?}: {} sizes; runs by exit code: {codes:?}", chosen.len());
    sweep.power_off();
    umount(&state);
}

/// The pages and files in use on a tmpfs.
fn used(mounted: &Path) -> (u64, u64) {
    let text = run(Command::new("stat").args(["-f", "-c", "%b %f %c %d"]).arg(mounted));
    let numbers: Vec<u64> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    (numbers[0] - numbers[1], numbers[2] - numbers[3])
}

#[test]
fn after_some_power_cuts_nothing_promised_is_lost() {
    cut_power(|_| 4, 13);
}

#[test]
#[ignore = "it takes minutes: `make soak`"]
fn after_a_hundred_power_cuts_nothing_promised_is_lost() {
    cut_power(|scenario| if scenario == Scenario::Update { 80 } else { 40 }, 14);
}

/// ext4 that writes nothing by itself; a copy of its image is what the power left.
fn cut_power(count: impl Fn(Scenario) -> usize, seed: u64) {
    if !is_root() {
        return;
    }
    let mut dice = Dice::seeded("power cuts", seed);
    for scenario in [Scenario::Install, Scenario::Update] {
        let sweep = Sweep::new(scenario);
        let _mounted = Mounted(sweep.state());
        let directory = sweep.gateway().directory.clone();
        let image = |name: &str| directory.join(format!("{name}.ext4"));
        run(Command::new("truncate").args(["-s", "48m"]).arg(image("empty")));
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image("empty")));
        attach(&image("empty"), &sweep.state());
        sweep.begin();
        umount(&sweep.state());
        let mut length = Duration::ZERO;
        let (mut midway, mut finished) = (0, 0);
        for cut in 0..=count(scenario) {
            // Names of their own: a loop device that lingers would show what was in an older file.
            let (live, left) = (image(&format!("live-{cut}")), image(&format!("cut-{cut}")));
            copy(&image("empty"), &live);
            attach(&live, &sweep.state());
            let begun = Instant::now();
            let mut command = sweep.gateway().reconcile_command(&[]);
            let log = fs::File::create(directory.join("said")).unwrap();
            let mut run = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
            if cut == 0 {
                // The first is not cut off, but afterwards: what it promised has to be there.
                assert!(run.wait().unwrap().success());
                length = begun.elapsed();
            } else {
                let micros = dice.below(usize::try_from(length.as_micros() * 11 / 10).unwrap());
                std::thread::sleep(Duration::from_micros(micros as u64));
                // `ip netns exec` becomes the program, so this is its id.
                let _ = Command::new("kill").args(["-STOP", &run.id().to_string()]).output();
            }
            // Nothing of it may change any more when it is copied.
            let code = run.try_wait().unwrap().map(|status| status.code().unwrap_or(-1));
            copy(&live, &left);
            kill(run.id());
            let _ = run.wait();
            sweep.power_off();
            umount(&sweep.state());
            attach(&left, &sweep.state());
            let said = fs::read_to_string(directory.join("said")).unwrap();
            let shown = format!("{scenario:?}, cut {cut}, ended with {code:?}: {said}");
            sweep.check(&shown);
            if code == Some(0) {
                finished += 1;
                sweep.promised(&shown);
            } else {
                midway += 1;
            }
            sweep.converges(&shown);
            sweep.power_off();
            umount(&sweep.state());
            for image in [live, left] {
                fs::remove_file(image).unwrap();
            }
        }
        eprintln!(
            "power cuts, {scenario:?}: {midway} in a run of {} ms, {finished} right after it",
            length.as_millis()
        );
    }
}

/// Takes a mount away, however the test ends.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).stderr(Stdio::null()).status();
    }
}

fn attach(image: &Path, place: &Path) {
    run(Command::new("mount").args(["-o", "loop,commit=300"]).arg(image).arg(place));
}

fn mount(arguments: &[&str], place: &Path) {
    run(Command::new("mount").args(arguments).arg(place));
}

/// Waits for who still has a file open there.
fn umount(place: &Path) {
    let gone = sandbox::wait(Duration::from_secs(20), || {
        Command::new("umount").arg(place).stderr(Stdio::null()).status().unwrap().success()
    });
    assert!(gone, "{} is in use", place.display());
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("--sparse=always").arg(from).arg(to));
}
