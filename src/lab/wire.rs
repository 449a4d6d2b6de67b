//! Puts a wiring into effect.

use std::time::Duration;

use super::error::failed;
use super::{GIT, LabError, Topology, Wiring, parallel, places};
use crate::host::{Command, Files, Mode, Processes};

/// How long one batch of ip(8) may take: making fifty namespaces on a busy machine takes seconds.
const LIMIT: Duration = Duration::from_mins(2);

/// Brings the lab's network from `before`, or from nothing, to `after`.
pub(super) fn wire(
    processes: &dyn Processes,
    files: &dyn Files,
    before: Option<&Topology>,
    after: &Topology,
) -> Result<(), LabError> {
    let wiring = Wiring::new(before, after);
    let run = |command: &Command| {
        let command = command.clone().limit(LIMIT);
        processes.demand(&command).map(drop).map_err(failed("wire the lab"))
    };
    wiring.down.iter().try_for_each(run)?;
    for netns in &wiring.removed {
        remove(processes, netns)?;
    }
    for stage in &wiring.stages {
        parallel::each(stage, run).into_iter().collect::<Result<(), _>>()?;
    }
    if before.is_none_or(|before| before.hosts_file() != after.hosts_file()) {
        resolve(processes, files, &after.hosts_file())?;
    }
    if before.is_none() { serve(processes, files, after) } else { Ok(()) }
}

/// Kills what runs in a namespace and takes it away.
fn remove(processes: &dyn Processes, netns: &str) -> Result<(), LabError> {
    let ip = Command::system("ip");
    let what = || failed(format!("take {netns} away"));
    let pids = ip.clone().args(["netns", "pids", netns]);
    let pids = processes.demand(&pids).map_err(what())?;
    for pid in String::from_utf8_lossy(&pids).lines() {
        if let Some(pid) = pid.parse().ok().and_then(rustix::process::Pid::from_raw) {
            // It may have ended by now.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    processes.demand(&ip.args(["netns", "delete", netns])).map(drop).map_err(what())
}

/// Makes names resolve: another file over /etc/hosts each time, so that nobody reads half of one,
/// and the one below, on which it is mounted, stays where it is.
fn resolve(processes: &dyn Processes, files: &dyn Files, hosts: &str) -> Result<(), LabError> {
    files.create_dir(places::HOSTS.into())?;
    let path = format!("{}/{}", places::HOSTS, files.list(places::HOSTS.into())?.len());
    files.create(path.as_str().into(), hosts.as_bytes(), Mode::Public)?;
    let bind = Command::system("mount").args(["--bind", &path, "/etc/hosts"]);
    processes.demand(&bind).map(drop).map_err(failed("put a file over /etc/hosts"))
}

/// Starts the git server.
fn serve(
    processes: &dyn Processes,
    files: &dyn Files,
    topology: &Topology,
) -> Result<(), LabError> {
    files.create_dir(places::GIT.into())?;
    let make = Command::system("git").args(["init", "--quiet", "--bare", places::REPOSITORY]);
    processes.demand(&make).map_err(failed("make the git repository"))?;
    let daemon = Command::system("git")
        .args(["daemon", "--detach", "--export-all", "--reuseaddr"])
        .arg(format!("--base-path={}", places::GIT))
        .arg(format!("--listen={}", topology.git))
        .arg(places::REPOSITORY)
        .netns(GIT);
    processes.demand(&daemon).map(drop).map_err(failed("start the git server"))
}
