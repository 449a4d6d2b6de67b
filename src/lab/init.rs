//! PID 1 of the lab: makes the lab's file systems, starts the worker, reaps.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::Stdio;

use camino::Utf8Path;
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};

use crate::host::{Command, ProcessError, Processes};

/// Why the lab's first process could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// This process is not the init of the lab.
    #[error("this is a part of `tieline lab run`, and not for use outside of it")]
    Outside,
    /// A file system could not be made.
    #[error(transparent)]
    Mount(#[from] ProcessError),
    /// The worker could not be started or waited for.
    #[error("cannot start the lab's worker")]
    Worker(#[source] io::Error),
}

/// Does init's work around the worker, which is this program with `arguments`, and hands back the
/// worker's exit code.
pub fn init(processes: &dyn Processes, arguments: &[String]) -> Result<i32, InitError> {
    if std::process::id() != 1 {
        return Err(InitError::Outside);
    }
    let mut pipe = BufReader::new(io::stdin());
    let mut orders = String::new();
    pipe.read_line(&mut orders).map_err(InitError::Worker)?;
    mount(processes)?;
    let program = std::env::current_exe().map_err(InitError::Worker)?;
    let mut worker = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(InitError::Worker)?;
    if let Some(mut stdin) = worker.stdin.take() {
        stdin.write_all(orders.as_bytes()).map_err(InitError::Worker)?;
    }
    std::thread::spawn(move || end_with(pipe));
    reap(Pid::from_child(&worker)).map_err(InitError::Worker)
}

/// `ip netns` keeps its names below /run, and the lab all its files.
fn mount(processes: &dyn Processes) -> Result<(), ProcessError> {
    let tmpfs = ["-t", "tmpfs", "-o", "mode=0755", "tieline-lab", "/run"];
    processes.demand(&Command::system("mount").args(tmpfs))?;
    // Nothing outside can be asked for names; endpoints stand in the lab's own /etc/hosts.
    let resolver = Utf8Path::new("/etc/resolv.conf");
    if resolver.is_file() {
        processes.demand(&Command::system("mount").args([
            "--bind",
            "/dev/null",
            resolver.as_str(),
        ]))?;
    }
    Ok(())
}

/// Ends this process, and so everything inside, when the keeper closes its pipe or dies.
fn end_with(mut pipe: impl Read) {
    let mut nothing = [0; 64];
    while pipe.read(&mut nothing).is_ok_and(|length| length > 0) {}
    std::process::exit(INTERRUPTED);
}

/// As a shell reports SIGINT; nobody is there to see it.
const INTERRUPTED: i32 = 130;

/// Waits for every child that is left to us, until the worker ends.
fn reap(worker: Pid) -> io::Result<i32> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == worker => {
                let signal = status.terminating_signal().map(|signal| 128 + signal);
                return Ok(status.exit_status().or(signal).unwrap_or(1));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
