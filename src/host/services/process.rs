//! Which processes are alive, read from pid files and /proc: looking must not spawn anything.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process};

use super::{Daemon, Process, Reload, Service, ServiceError};
use crate::host::probes::answers;
use crate::host::{FileError, Files, Kind, RealFiles};
use crate::primitives::UnitId;

/// How much of a pid file or a file of /proc is read, in bytes.
const LIMIT: u64 = 1 << 16;

/// How long a process has for ending after SIGTERM; OpenVPN needs 0.1 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every service of `daemon` whose pid file names a living process of that service.
pub(super) fn running(daemon: &Daemon) -> Result<BTreeMap<UnitId, Process>, FileError> {
    let names = RealFiles.list(&daemon.run)?;
    let units = names.iter().filter_map(|name| {
        let name = name.strip_suffix(".pid")?;
        format!("{}/{name}", daemon.kind).parse::<UnitId>().ok()
    });
    let found = units.map(|id| Ok(find(daemon, id.name())?.map(|process| (id, process))));
    found.filter_map(Result::transpose).collect()
}

/// The living process of one service that its pid file names. What cannot be read is an error: a
/// process that counts as gone and is not would keep its successor from starting.
pub(super) fn find(daemon: &Daemon, name: &str) -> Result<Option<Process>, FileError> {
    let pid_file = daemon.pid_file(name);
    let pid = match RealFiles::read_foreign(&pid_file, LIMIT) {
        Ok(pid) => pid,
        Err(error @ FileError::Io { .. }) if is_file(&pid_file) => return Err(error),
        // None, or what its unprivileged user has put there instead.
        Err(_) => return Ok(None),
    };
    let pid = str::from_utf8(&pid).ok().and_then(|pid| pid.trim().parse().ok());
    pid.map_or(Ok(None), |pid| alive(pid, daemon, &pid_file))
}

fn is_file(path: &Utf8Path) -> bool {
    matches!(RealFiles.kind(path), Ok(Some(Kind::File { .. })))
}

/// Every living process of a service, also one that its pid file does not name any more.
fn all(service: &Service) -> Result<Vec<Process>, FileError> {
    let pid_file = service.pid_file();
    let pids = RealFiles.list(Utf8Path::new("/proc"))?;
    let pids = pids.iter().filter_map(|name| name.parse().ok());
    pids.filter_map(|pid| alive(pid, &service.daemon, &pid_file).transpose()).collect()
}

/// The process `pid`, if it lives and is the one that was told to write `pid_file`. Process ids are
/// used again, and the pid file is written by an unprivileged user: neither may make us signal a
/// stranger.
fn alive(pid: u32, daemon: &Daemon, pid_file: &Utf8Path) -> Result<Option<Process>, FileError> {
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
    let option = daemon.pid_option.as_bytes();
    let told = arguments.find(|argument| *argument == option).and(arguments.next());
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

/// Waits until the process of a service that was just started is ready, as OpenVPN is once it has its
/// key and its device; false where it ended meanwhile. One that lives and does not answer is
/// looking up a name.
pub(super) fn settles(service: &Service) -> bool {
    let start = Instant::now();
    let mut seen = false;
    loop {
        let alive = matches!(find(&service.daemon, service.id.name()), Ok(Some(_)));
        let ready = match &service.answers_on {
            Some(socket) => alive && answers(socket, SETTLING / 4),
            None => alive && seen,
        };
        if ready {
            return true;
        }
        if seen && !alive || start.elapsed() > SETTLING {
            return alive;
        }
        seen |= alive;
        thread::sleep(Duration::from_millis(5));
    }
}

/// Has the process of a service read its configuration again.
pub(super) fn reload(service: &Service, by: Reload) -> Result<(), ServiceError> {
    let signal = match by {
        Reload::Hangup => Signal::HUP,
    };
    let process = find(&service.daemon, service.id.name())?;
    let pid = process.and_then(|process| Pid::from_raw(i32::try_from(process.pid).ok()?));
    let told = pid.is_some_and(|pid| kill_process(pid, signal).is_ok());
    if told { Ok(()) } else { Err(ServiceError::NotRunning { service: service.label.clone() }) }
}

/// Ends the process of a service: SIGTERM, patience, SIGKILL. Where an earlier one has left something,
/// and the pid file names nobody, it is looked for among all there are.
pub(super) fn end(service: &Service) -> Result<(), ServiceError> {
    if let Ok(Some(process)) = find(&service.daemon, service.id.name()) {
        return end_one(process, service);
    }
    let pid_file = service.pid_file();
    let mut traces = service.leftovers.iter().chain([&pid_file]);
    if traces.all(|path| matches!(RealFiles.kind(path), Ok(None))) {
        return Ok(());
    }
    all(service)?.into_iter().try_for_each(|process| end_one(process, service))
}

fn end_one(process: Process, service: &Service) -> Result<(), ServiceError> {
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
            // It may end at any moment on its own; what counts is that it is gone.
            let _ = kill_process(pid, signal);
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if alive(process.pid, &service.daemon, &service.pid_file())? != Some(process) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    Err(ServiceError::Immortal { service: service.label.clone(), pid: process.pid })
}

#[cfg(test)]
mod tests {
    use super::super::tests::service;
    use super::*;

    fn write(path: &Utf8Path, text: &str) {
        RealFiles.replace(path, text.as_bytes(), crate::host::Mode::Public).unwrap();
    }

    /// A process of `service`, and its id. `sh` keeps arguments it has no use for in its command
    /// line, as OpenVPN does.
    fn spawn(service: &Service, script: &str) -> std::process::Child {
        std::process::Command::new("sh")
            .args(["-c", script, "sh", "--writepid", service.pid_file().as_str()])
            .spawn()
            .unwrap()
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
        let (_directory, service) = service();
        for text in ["", "x", "0", "-1", "99999999999", &std::process::id().to_string()] {
            write(&service.pid_file(), text);
            assert_eq!(running(&service.daemon).unwrap(), BTreeMap::new(), "{text:?}");
        }
    }

    /// Its user may write into the directory, and the reconciler is root.
    #[test]
    fn a_pid_file_can_neither_hold_us_up_nor_lead_elsewhere() {
        let (_directory, service) = service();
        let pid_file = service.pid_file();
        let made = std::process::Command::new("mkfifo").arg(&pid_file).status().unwrap();
        assert!(made.success());
        assert_eq!(running(&service.daemon).unwrap(), BTreeMap::new());
        RealFiles.remove(&pid_file).unwrap();

        let elsewhere = service.daemon.run.join("elsewhere");
        write(&elsewhere, "1");
        std::os::unix::fs::symlink(&elsewhere, &pid_file).unwrap();
        let read = RealFiles::read_foreign(&pid_file, LIMIT);
        assert!(matches!(read, Err(FileError::Io { .. })), "{read:?}");
        assert_eq!(RealFiles::read_foreign(&elsewhere, LIMIT).unwrap(), b"1");
    }

    #[test]
    fn finds_its_own_and_ends_it() {
        let (_directory, service) = service();
        let mut child = spawn(&service, "sleep 60 & wait");
        write(&service.pid_file(), &child.id().to_string());
        assert_eq!(running(&service.daemon).unwrap().keys().collect::<Vec<_>>(), [&service.id]);
        end(&service).unwrap();
        assert_eq!(running(&service.daemon).unwrap(), BTreeMap::new());
        // Nobody has waited for the child yet, so it is a zombie, and counts as dead.
        child.wait().unwrap();
    }

    /// It would keep the port and the device from its successor.
    #[test]
    fn ends_one_that_its_pid_file_lost() {
        let (_directory, service) = service();
        let mut child = spawn(&service, "sleep 60 & wait");
        write(&service.leftovers[0], "up");
        assert_eq!(find(&service.daemon, "one").unwrap(), None);
        let other = Service { id: "relay/two".parse().unwrap(), ..service.clone() };
        end(&other).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        end(&service).unwrap();
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_reload_interrupts_nothing_and_needs_a_process() {
        let (_directory, service) = service();
        let failed = reload(&service, Reload::Hangup).unwrap_err().to_string();
        assert_eq!(failed, "relay one: nothing runs that could read its configuration again");
        let read = service.daemon.run.join("read");
        let script = format!("trap 'echo again > {read}' HUP; while :; do sleep 0.01; done");
        let mut child = spawn(&service, &script);
        write(&service.pid_file(), &child.id().to_string());
        // The trap is set a moment after the process began; SIGHUP before would end it.
        thread::sleep(Duration::from_millis(300));
        reload(&service, Reload::Hangup).unwrap();
        let start = Instant::now();
        while RealFiles.read(&read, LIMIT).is_err() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(RealFiles.read(&read, LIMIT).unwrap(), b"again\n");
        assert_eq!(child.try_wait().unwrap(), None, "it runs on");
        end(&service).unwrap();
        child.wait().unwrap();
    }
}
