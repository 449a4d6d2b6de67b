//! What ends a worker from outside its own code: its parent's death, its deadline, its limits.

use std::thread;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getpid, getppid, kill_process, set_parent_process_death_signal,
    setrlimit,
};

use super::failure::{Fail as _, failure};
use crate::host::git::{FailureKind, GitFailure, Limits};

/// How long past its deadline a worker that nobody killed ends itself.
const GRACE: Duration = Duration::from_secs(5);

/// Room beside what is received: the pack's index, the files, a few refs.
const OWN_FILES: u64 = 64 << 20;

/// Has the kernel kill this process when its parent is gone (prctl(2), PR_SET_PDEATHSIG).
pub(super) fn die_with_parent() -> Result<(), GitFailure> {
    set_parent_process_death_signal(Some(Signal::KILL)).fail(|| "cannot watch the parent".into())
}

/// The parent may have died before we asked to be told.
pub(super) fn check_parent(expected: u32) -> Result<(), GitFailure> {
    let parent = getppid().map(Pid::as_raw_nonzero);
    if parent.is_some_and(|pid| u32::try_from(pid.get()).is_ok_and(|pid| pid == expected)) {
        return Ok(());
    }
    Err(failure(FailureKind::Local, "the process that asked is gone"))
}

/// Ends this process some time after `deadline` milliseconds, in case the parent was stopped or is
/// stuck.
pub(super) fn die_at(deadline: u64) {
    let until = Duration::from_millis(deadline).saturating_add(GRACE);
    thread::spawn(move || {
        thread::sleep(until);
        let _ = kill_process(getpid(), Signal::KILL);
    });
}

/// Has the kernel enforce limits that libgit2 has no word for (setrlimit(2)).
pub(super) fn limit(limits: &Limits) -> Result<(), GitFailure> {
    let file = limits.received.max(limits.total).saturating_add(OWN_FILES);
    for (resource, most) in
        [(Resource::As, limits.memory), (Resource::Fsize, file), (Resource::Core, 0)]
    {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).fail(|| "cannot limit this process".into())?;
    }
    Ok(())
}
