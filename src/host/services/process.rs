//! Which processes are alive, read from pid files and /proc: looking must not spawn anything.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process};

use super::{Process, ServiceError, TunnelFiles};
use crate::host::probes::answers;
use crate::host::{FileError, Files, RealFiles};
use crate::primitives::Device;

/// How much of a pid file or a file of /proc is read, in bytes.
const LIMIT: u64 = 1 << 16;

/// How long a process has for ending after SIGTERM; OpenVPN needs 0.1 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every tunnel whose pid file names a living process of that tunnel.
pub(super) fn running(files: &TunnelFiles) -> Result<BTreeMap<Device, Process>, FileError> {
    let names = RealFiles.list(&files.run)?;
    let devices = names.iter().filter_map(|name| name.strip_suffix(".pid")?.parse().ok());
    Ok(devices.filter_map(|device| Some((device, find(files, device)?))).collect())
}

/// The living process of one tunnel.
pub(super) fn find(files: &TunnelFiles, device: Device) -> Option<Process> {
    let pid_file = files.pid_file(device);
    let pid = RealFiles::read_foreign(&pid_file, LIMIT).ok()?;
    let pid = str::from_utf8(&pid).ok()?.trim().parse().ok()?;
    alive(pid, &pid_file)
}

/// The process `pid`, if it lives and is the one that wrote `pid_file`. Process ids are used
/// again, and the pid file is written by an unprivileged user: neither may make us signal a
/// stranger.
fn alive(pid: u32, pid_file: &Utf8Path) -> Option<Process> {
    let stat = RealFiles.read(format!("/proc/{pid}/stat").as_str().into(), LIMIT).ok()?;
    let (state, started) = parse_stat(str::from_utf8(&stat).ok()?)?;
    // A zombie keeps its entry until its parent notices, which some init processes do late.
    if matches!(state, 'Z' | 'X' | 'x') {
        return None;
    }
    let command = RealFiles.read(format!("/proc/{pid}/cmdline").as_str().into(), LIMIT).ok()?;
    let mut arguments = command.split(|&byte| byte == 0);
    arguments.find(|argument| *argument == b"--writepid")?;
    (arguments.next()? == pid_file.as_str().as_bytes()).then_some(Process { pid, started })
}

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
        let alive = find(files, device).is_some();
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

/// Ends the process of a tunnel: SIGTERM, patience, SIGKILL.
pub(super) fn end(files: &TunnelFiles, device: Device) -> Result<(), ServiceError> {
    let Some(process) = find(files, device) else { return Ok(()) };
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
            // It may end at any moment on its own; what counts is that it is gone.
            let _ = kill_process(pid, signal);
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if find(files, device) != Some(process) {
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

    #[test]
    fn reads_past_a_hostile_process_name() {
        let stat = "7 (a) Z (b)) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 9 8";
        assert_eq!(parse_stat(stat), Some(('S', 4711)));
        assert_eq!(parse_stat("7 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_pid_file_cannot_point_at_a_stranger() {
        let directory = tempfile::tempdir().unwrap();
        let run = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        let files = TunnelFiles { current: run.clone(), identity: run.clone(), run };
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
        let directory = tempfile::tempdir().unwrap();
        let run = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        let files = TunnelFiles { current: run.clone(), identity: run.clone(), run };
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
        let directory = tempfile::tempdir().unwrap();
        let run = Utf8Path::from_path(directory.path()).unwrap().to_owned();
        let files = TunnelFiles { current: run.clone(), identity: run.clone(), run };
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
}
