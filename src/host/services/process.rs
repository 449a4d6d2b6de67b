//! Which processes are alive, read from pid files and /proc: looking must not spawn anything.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process};

use super::{Process, ServiceError, TunnelFiles};
use crate::host::probes::answers;
use crate::host::{FileError, Files, Kind, RealFiles};
use crate::primitives::Device;

/// How much of a pid file or a file of /proc is read, in bytes.
const LIMIT: u64 = 1 << 16;

/// How long a process has for ending after SIGTERM; OpenVPN needs 0.1 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every tunnel whose pid file names a living process of that tunnel.
pub(super) fn running(files: &TunnelFiles) -> Result<BTreeMap<Device, Process>, FileError> {
    let names = RealFiles.list(&files.run)?;
    let devices = names.iter().filter_map(|name| name.strip_suffix(".pid")?.parse().ok());
    let found = devices.map(|device| Ok(find(files, device)?.map(|process| (device, process))));
    found.filter_map(Result::transpose).collect()
}

/// The living process of one tunnel that its pid file names. What cannot be read is an error: a
/// process that counts as gone and is not would keep its successor from starting.
pub(super) fn find(files: &TunnelFiles, device: Device) -> Result<Option<Process>, FileError> {
    let pid_file = files.pid_file(device);
    let pid = match RealFiles::read_foreign(&pid_file, LIMIT) {
        Ok(pid) => pid,
        Err(error @ FileError::Io { .. }) if is_file(&pid_file) => return Err(error),
        // None, or what its unprivileged user has put there instead.
        Err(_) => return Ok(None),
    };
    let pid = str::from_utf8(&pid).ok().and_then(|pid| pid.trim().parse().ok());
    pid.map_or(Ok(None), |pid| alive(pid, &pid_file))
}

fn is_file(path: &Utf8Path) -> bool {
    matches!(RealFiles.kind(path), Ok(Some(Kind::File { .. })))
}

/// Every living process of a tunnel, also one that its pid file does not name any more.
fn all(files: &TunnelFiles, device: Device) -> Result<Vec<Process>, FileError> {
    let pid_file = files.pid_file(device);
    let pids = RealFiles.list(Utf8Path::new("/proc"))?;
    let pids = pids.iter().filter_map(|name| name.parse().ok());
    pids.filter_map(|pid| alive(pid, &pid_file).transpose()).collect()
}

/// The process `pid`, if it lives and is the one that was told to write `pid_file`. Process ids are
/// used again, and the pid file is written by an unprivileged user: neither may make us signal a
/// stranger.
fn alive(pid: u32, pid_file: &Utf8Path) -> Result<Option<Process>, FileError> {
    let Some(stat) = read_proc(pid, "stat")? else { return Ok(None) };
    let Some((state, started)) = str::from_utf8(&stat).ok().and_then(parse_stat) else {
        return Ok(None);
    };
    // A zombie keeps its entry until its parent notices, which some init processes do late.
    if matches!(state, 'Z' | 'X' | 'x') {
        return Ok(None);
    }
    let Some(command) = read_proc(pid, "cmdline")? else { return Ok(None) };
    let mut arguments = command.split(|&byte| byte == 0);
    let told = arguments.find(|argument| *argument == b"--writepid").and(arguments.next());
    let is_it = told == Some(pid_file.as_str().as_bytes());
    Ok(is_it.then_some(Process { pid, started }))
}

/// A file of /proc/PID; `None` where the process is gone, or not ours to see.
fn read_proc(pid: u32, name: &str) -> Result<Option<Vec<u8>>, FileError> {
    match RealFiles.read(format!("/proc/{pid}/{name}").as_str().into(), LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::NotFound { .. } | FileError::TooLarge { .. }) => Ok(None),
        Err(error) if error.is_denied() => Ok(None),
        // It went between being opened and being read.
        Err(FileError::Io { source, .. }) if source.raw_os_error() == Some(ESRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// No such process (errno(3)).
const ESRCH: i32 = rustix::io::Errno::SRCH.raw_os_error();

/// State and start time out of /proc/PID/stat (proc_pid_stat(5), fields 3 and 22). The name in
/// field 2 may hold spaces and brackets, so counting begins after the last bracket.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

/// How long a process that was just started has for writing its process id, which it does a moment
/// after its starter has gone, and for answering.
const SETTLING: Duration = Duration::from_secs(1);

/// Waits until the process of a tunnel that was just started has its key and its device; false
/// where it ended over one of them. One that lives and does not answer is looking up a name.
pub(super) fn settles(files: &TunnelFiles, device: Device) -> bool {
    let start = Instant::now();
    let mut seen = false;
    loop {
        let alive = matches!(find(files, device), Ok(Some(_)));
        if alive && answers(&files.socket(device), SETTLING / 4) {
            return true;
        }
        if seen && !alive || start.elapsed() > SETTLING {
            return alive;
        }
        seen |= alive;
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends the process of a tunnel: SIGTERM, patience, SIGKILL. Where an earlier one has left something,
/// and the pid file names nobody, it is looked for among all there are.
pub(super) fn end(files: &TunnelFiles, device: Device) -> Result<(), ServiceError> {
    let pid_file = files.pid_file(device);
    if let Ok(Some(process)) = find(files, device) {
        return end_one(process, &pid_file, device);
    }
    let traces = [&pid_file, &files.socket(device), &files.log(device)];
    if traces.into_iter().all(|path| matches!(RealFiles.kind(path), Ok(None))) {
        return Ok(());
    }
    all(files, device)?.into_iter().try_for_each(|process| end_one(process, &pid_file, device))
}

fn end_one(process: Process, pid_file: &Utf8Path, device: Device) -> Result<(), ServiceError> {
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
            // It may end at any moment on its own; what counts is that it is gone.
            let _ = kill_process(pid, signal);
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if alive(process.pid, pid_file)? != Some(process) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    Err(ServiceError::Immortal { device, pid: process.pid })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory for the files of tunnels, and where they are in it.
    fn tunnel_files() -> (tempfile::TempDir, TunnelFiles) {
        let directory = tempfile::tempdir().unwrap();
        let run = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        (directory, TunnelFiles { current: run.clone(), identity: run.clone(), run })
    }

    #[test]
    fn reads_past_a_hostile_process_name() {
        let stat = "7 (a) Z (b)) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 9 8";
        assert_eq!(parse_stat(stat), Some(('S', 4711)));
        assert_eq!(parse_stat("7 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_pid_file_cannot_point_at_a_stranger() {
        let (_directory, files) = tunnel_files();
        let device: Device = "tl-2".parse().unwrap();
        let write = |text: &str| {
            RealFiles.replace(&files.pid_file(device), text.as_bytes(), crate::host::Mode::Public)
        };
        for text in ["", "x", "0", "-1", "99999999999", &std::process::id().to_string()] {
            write(text).unwrap();
            assert_eq!(running(&files).unwrap(), BTreeMap::new(), "{text:?}");
        }
    }

    /// Its user may write into the directory, and the reconciler is root.
    #[test]
    fn a_pid_file_can_neither_hold_us_up_nor_lead_elsewhere() {
        let (_directory, files) = tunnel_files();
        let pid_file = files.pid_file("tl-2".parse().unwrap());
        let made = std::process::Command::new("mkfifo").arg(&pid_file).status().unwrap();
        assert!(made.success());
        assert_eq!(running(&files).unwrap(), BTreeMap::new());
        RealFiles.remove(&pid_file).unwrap();

        let elsewhere = files.run.join("elsewhere");
        RealFiles.replace(&elsewhere, b"1", crate::host::Mode::Public).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &pid_file).unwrap();
        let read = RealFiles::read_foreign(&pid_file, LIMIT);
        assert!(matches!(read, Err(FileError::Io { .. })), "{read:?}");
        assert_eq!(RealFiles::read_foreign(&elsewhere, LIMIT).unwrap(), b"1");
    }

    #[test]
    fn finds_its_own_and_ends_it() {
        let (_directory, files) = tunnel_files();
        let device: Device = "tl-2".parse().unwrap();
        let pid_file = files.pid_file(device);
        // `sh` keeps arguments it has no use for in its command line, as OpenVPN does.
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait", "sh", "--writepid", pid_file.as_str()])
            .spawn()
            .unwrap();
        let pid = child.id().to_string();
        RealFiles.replace(&pid_file, pid.as_bytes(), crate::host::Mode::Public).unwrap();
        assert_eq!(running(&files).unwrap().keys().collect::<Vec<_>>(), [&device]);
        end(&files, device).unwrap();
        assert_eq!(running(&files).unwrap(), BTreeMap::new());
        // Nobody has waited for the child yet, so it is a zombie, and counts as dead.
        child.wait().unwrap();
    }

    /// It would keep the port and the device from its successor.
    #[test]
    fn ends_one_that_its_pid_file_lost() {
        let (_directory, files) = tunnel_files();
        let device: Device = "tl-2".parse().unwrap();
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait", "sh", "--writepid", files.pid_file(device).as_str()])
            .spawn()
            .unwrap();
        RealFiles.replace(&files.log(device), b"up", crate::host::Mode::Public).unwrap();
        assert_eq!(find(&files, device).unwrap(), None);
        let others: Device = "tl-3".parse().unwrap();
        RealFiles.replace(&files.log(others), b"up", crate::host::Mode::Public).unwrap();
        end(&files, others).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        end(&files, device).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
