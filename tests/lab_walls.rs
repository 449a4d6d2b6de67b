//! The walls of the lab: nothing of it is left behind however it ends, and it says why where it
//! cannot be built.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use support::lab::{Bench, Ran, UNAVAILABLE, User};

/// How long anything may take here.
const LIMIT: Duration = Duration::from_mins(1);

/// A lab that runs, and what can be seen of it from outside.
struct Running {
    bench: Bench,
    keeper: Child,
    /// Its PID namespace, as /proc names it.
    inside: PathBuf,
    before: BTreeSet<String>,
}

impl Running {
    /// Starts a lab of five LANs and waits until a line of its output begins with `until`.
    /// `None` where there can be none, which `Bench::run` reports.
    fn start(user: User, until: &str) -> Option<Self> {
        let bench = Bench::new(user);
        let probe = bench.mesh("probe.yaml", &Bench::example("two-offices"));
        bench.run(&[probe])?;
        let mesh = bench.mesh("mesh.yaml", &Bench::example("five-lans"));
        let before = traces();
        let mut command = bench.command(&[mesh, "--", "sleep", "600"]);
        // A process group of its own, as a shell gives it, for Ctrl-C.
        let err = std::fs::File::create(bench.path("err")).unwrap();
        let command = command.process_group(0).stdout(Stdio::piped()).stderr(err);
        let mut keeper = command.spawn().unwrap();
        let mut out = BufReader::new(keeper.stdout.take().unwrap());
        let mut line = String::new();
        while !line.trim_start().contains(until) {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "the lab ended before {until:?}");
        }
        let init = wait_for("the lab's init", || {
            let program = bench.program();
            processes().into_iter().find(|pid| {
                let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                command.starts_with(program.as_os_str().as_encoded_bytes())
                    && command.ends_with(b"inside-init\0")
            })
        });
        let inside = std::fs::read_link(format!("/proc/{init}/ns/pid")).unwrap();
        let running = Self { bench, keeper, inside, before };
        assert!(running.population() > 2, "{} processes inside", running.population());
        Some(running)
    }

    /// How many processes there are inside.
    fn population(&self) -> usize {
        let inside = |pid: &u32| {
            std::fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|ns| ns == self.inside)
        };
        processes().iter().filter(|pid| inside(pid)).count()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.keeper)
    }

    /// Waits for the end, and holds what is left of the lab against what was there before. Gives
    /// the exit code, and what was said.
    fn nothing_remains(mut self) -> (Option<i32>, String) {
        let status = wait_for("the end of the lab", || self.keeper.try_wait().unwrap());
        wait_for("the end of all processes inside", || (self.population() == 0).then_some(()));
        let new: Vec<_> = traces().difference(&self.before).cloned().collect();
        assert_eq!(new, [""; 0]);
        let temporary = std::fs::read_dir(self.bench.temporary()).unwrap();
        assert_eq!(temporary.count(), 0, "temporary files were left behind");
        let said = std::fs::read_to_string(self.bench.path("err")).unwrap();
        (status.code(), said)
    }
}

/// Everything outside that a lab could have made: mounts, interfaces, names of namespaces.
fn traces() -> BTreeSet<String> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().filter(|line| line.contains("tieline-lab")).map(str::to_owned);
    let named = |directory: &'static str, prefixes: &'static [&str]| {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let ours = |name: &String| prefixes.iter().any(|prefix| name.starts_with(prefix));
        names.filter(ours).map(move |name| format!("{directory}/{name}"))
    };
    mounts
        .chain(named("/sys/class/net", &["tl-", "wan", "lan", "inside"]))
        .chain(named("/run/netns", &["gateway-", "host-", "nat-", "internet", "git"]))
        .chain(named("/run", &["gw", "admin", "git", "hosts"]))
        .collect()
}

fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).collect()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn kill_9_with_all_tunnels_up_leaves_nothing() {
    let Some(lab) = Running::start(User::Same, "host pairs answer,") else { return };
    kill_process(lab.pid(), Signal::KILL).unwrap();
    assert_eq!(lab.nothing_remains(), (None, String::new()));
}

#[test]
fn kill_9_while_gateways_reconcile_leaves_nothing() {
    let Some(lab) = Running::start(User::Same, "release ") else { return };
    kill_process(lab.pid(), Signal::KILL).unwrap();
    assert_eq!(lab.nothing_remains(), (None, String::new()));
}

#[test]
fn ctrl_c_leaves_nothing() {
    let Some(lab) = Running::start(User::Same, "reconcile ") else { return };
    kill_process_group(lab.pid(), Signal::INT).unwrap();
    assert_eq!(lab.nothing_remains(), (Some(130), "interrupted: the lab is gone\n".to_owned()));
}

#[test]
fn a_polite_end_leaves_nothing() {
    let Some(lab) = Running::start(User::Ordinary, "host pairs answer,") else { return };
    kill_process(lab.pid(), Signal::TERM).unwrap();
    assert_eq!(lab.nothing_remains(), (Some(130), "interrupted: the lab is gone\n".to_owned()));
}

#[test]
fn kill_9_of_the_process_in_between_leaves_nothing_and_is_told() {
    let Some(lab) = Running::start(User::Same, "host pairs answer,") else { return };
    let keeper = lab.keeper.id().to_string();
    let child = processes().into_iter().find(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The parent is the second field after the name, which stands in brackets.
        stat.rsplit(") ").next().unwrap().split(' ').nth(1) == Some(keeper.as_str())
    });
    let child = i32::try_from(child.expect("the keeper has a child")).unwrap();
    kill_process(Pid::from_raw(child).unwrap(), Signal::KILL).unwrap();
    let (code, said) = lab.nothing_remains();
    assert_eq!(code, Some(1));
    assert!(said.contains("the lab was killed"), "{said}");
}

/// Runs `tieline lab run` on the two-offices example where `openvpn` is another file: in a mount
/// namespace of its own. `None` where there are no namespaces, which is said loudly.
fn with_openvpn(content: &str, executable: bool) -> Option<Ran> {
    let bench = Bench::new(User::Same);
    let mesh = bench.mesh("mesh.yaml", &Bench::example("two-offices"));
    bench.run(&[mesh])?;
    let other = bench.path("openvpn");
    std::fs::write(&other, content).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(if executable { 0o755 } else { 0o644 });
    std::fs::set_permissions(&other, mode).unwrap();
    let script = "for place in /usr/sbin /usr/bin /sbin /bin /usr/local/sbin /usr/local/bin; do \
                  test ! -e $place/openvpn || mount --bind \"$1\" $place/openvpn || exit 99; done; \
                  shift; exec \"$@\"";
    let lab = bench.command(&[mesh, "--format", "json"]);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(&other);
    command.arg(lab.get_program()).args(lab.get_args()).current_dir(bench.path(""));
    Some(Ran::from(command.output().unwrap()))
}

#[test]
fn what_does_not_work_is_shown_and_is_a_failure() {
    let Some(ran) = with_openvpn("#!/bin/sh\necho this is no OpenVPN\nexit 1\n", true) else {
        return;
    };
    assert_eq!(ran.code, Some(1), "{}\n{}", ran.out, ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["good"], false);
    let round = &report["rounds"][0];
    assert_eq!(support::lab::pairs(round), (0, 2));
    for gateway in ["basel-gw", "bern-gw"] {
        let said = round["failures"][gateway].as_str().unwrap();
        assert!(said.contains("this is no OpenVPN"), "{gateway}: {said}");
    }
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let Some(ran) = with_openvpn("", false) else { return };
    assert_eq!(ran.code, Some(UNAVAILABLE), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("the lab needs openvpn"), "{}", ran.err);
    assert!(ran.err.contains("apt-get install openvpn"), "{}", ran.err);
}

/// Runs a lab in a user namespace in which no other can be made, as the user with this id there.
fn without_namespaces(user: u32) -> Option<Ran> {
    let bench = Bench::new(User::Same);
    let mesh = bench.mesh("mesh.yaml", &Bench::example("two-offices"));
    bench.run(&[mesh])?;
    let lab = bench.command(&[mesh]);
    let script = "for kind in user net; do echo 0 >/proc/sys/user/max_${kind}_namespaces || exit \
                  99; done; exec \"$@\"";
    let mut command = Command::new("unshare");
    // Whoever is executed after the users have been mapped is root inside, with all its rights.
    command.args(["--user", "sh", "-c", "read go; exec sh -c \"$@\"", "sh", script, "sh"]);
    command.args(["setpriv", "--clear-groups"]);
    command.arg(format!("--reuid={user}")).arg(format!("--regid={user}"));
    command.arg(lab.get_program()).args(lab.get_args()).current_dir(bench.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Two users are mapped, which only root may do.
    let own = std::fs::read_link("/proc/self/ns/user").unwrap();
    wait_for("the user namespace", || {
        let theirs = std::fs::read_link(format!("/proc/{}/ns/user", child.id())).unwrap();
        (theirs != own).then_some(())
    });
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{}/{map}", child.id());
        std::fs::write(path, "0 0 1\n65534 65534 1\n").unwrap();
    }
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    Some(Ran::from(child.wait_with_output().unwrap()))
}

#[test]
fn a_kernel_without_namespaces_is_explained() {
    if !rustix::process::getuid().is_root() {
        support::skip::skip("what is said without namespaces: only root can map two users");
        return;
    }
    let Some(ran) = without_namespaces(65534) else { return };
    assert_eq!(ran.code, Some(UNAVAILABLE), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("lets ordinary users make no namespaces"), "{}", ran.err);
    assert!(ran.err.contains("sudo tieline lab run"), "{}", ran.err);
    let Some(ran) = without_namespaces(0) else { return };
    assert_eq!(ran.code, Some(UNAVAILABLE), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("lets root make no namespaces"), "{}", ran.err);
}

#[test]
fn its_inner_parts_are_of_no_use_outside() {
    let bench = Bench::new(User::Same);
    for part in ["inside-init", "inside-work"] {
        let mut command = Command::new(bench.program());
        let ran = Ran::from(command.args(["lab", part]).stdin(Stdio::null()).output().unwrap());
        assert_ne!(ran.code, Some(0));
        assert!(ran.err.contains("a part of `tieline lab run`"), "{part}: {}", ran.err);
    }
}

#[test]
fn mistakes_in_the_mesh_are_reported_as_by_check() {
    let bench = Bench::new(User::Same);
    let text = Bench::example("two-offices").replace("mesh:", "mush:");
    let mesh = bench.mesh("mesh.yaml", &text);
    let ran = Ran::from(bench.command(&[mesh]).output().unwrap());
    assert_eq!(ran.code, Some(65), "{}\n{}", ran.out, ran.err);
    assert!(ran.err.contains("mesh.yaml:") && ran.err.contains("mush"), "{}", ran.err);
}
