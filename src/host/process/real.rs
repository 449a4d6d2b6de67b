//! Running a program for real, in one thread.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Command, Output, ProcessError, Processes};

/// The machine's own programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealProcesses;

impl Processes for RealProcesses {
    fn run(&self, command: &Command) -> Result<Output, ProcessError> {
        let start = |source| ProcessError::Start { program: command.program.clone(), source };
        let talk = |source| ProcessError::Talk { program: command.program.clone(), source };
        let child = command
            .prepare()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let mut conversation = Conversation::new(child, &command.input).map_err(talk)?;
        let finished = conversation.hold(Instant::now() + command.limit).map_err(talk)?;
        if finished {
            return conversation.end().map_err(talk);
        }
        conversation.abort().map_err(talk)?;
        Err(ProcessError::TimedOut { command: command.to_string(), limit: command.limit })
    }
}

/// A child and the ends of its three pipes, in one thread: poll(2) over them and over the
/// child's pidfd, so that a background process that keeps a pipe open holds nobody up.
struct Conversation<'a> {
    child: Child,
    exited: std::os::fd::OwnedFd,
    input: &'a [u8],
    output: Output,
}

impl<'a> Conversation<'a> {
    fn new(mut child: Child, input: &'a [u8]) -> io::Result<Self> {
        let exited = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        for end in [
            child.stdin.as_ref().map(AsFd::as_fd),
            child.stdout.as_ref().map(AsFd::as_fd),
            child.stderr.as_ref().map(AsFd::as_fd),
        ]
        .into_iter()
        .flatten()
        {
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        if input.is_empty() {
            child.stdin = None;
        }
        Ok(Self { child, exited, input, output: Output::default() })
    }

    /// Exchanges bytes until the child has ended; false if it had not by `deadline`.
    fn hold(&mut self, deadline: Instant) -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            if self.wait(left)? {
                self.talk()?;
                return Ok(true);
            }
            self.talk()?;
        }
    }

    /// Waits for anything to happen; true if the child has ended.
    fn wait(&self, at_most: Duration) -> io::Result<bool> {
        fn watch<F: AsFd>(end: Option<&F>, flags: PollFlags) -> Option<PollFd<'_>> {
            end.map(|end| PollFd::from_borrowed_fd(end.as_fd(), flags))
        }
        let exited: BorrowedFd = self.exited.as_fd();
        let mut ends: Vec<_> = std::iter::once(PollFd::from_borrowed_fd(exited, PollFlags::IN))
            .chain(watch(self.child.stdin.as_ref(), PollFlags::OUT))
            .chain(watch(self.child.stdout.as_ref(), PollFlags::IN))
            .chain(watch(self.child.stderr.as_ref(), PollFlags::IN))
            .collect();
        let timeout = Timespec::try_from(at_most).ok();
        match poll(&mut ends, timeout.as_ref()) {
            Ok(_) => Ok(ends.first().is_some_and(|end| !end.revents().is_empty())),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves what can be moved without waiting; a pipe that is done is dropped.
    fn talk(&mut self) -> io::Result<()> {
        if let Some(stdin) = &mut self.child.stdin {
            match stdin.write(self.input) {
                Ok(written) => self.input = self.input.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A program that does not want its input is not at fault for it.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.input = &[],
                Err(error) => return Err(error),
            }
            if self.input.is_empty() {
                self.child.stdin = None;
            }
        }
        if drain(self.child.stdout.as_mut(), &mut self.output.stdout)? {
            self.child.stdout = None;
        }
        if drain(self.child.stderr.as_mut(), &mut self.output.stderr)? {
            self.child.stderr = None;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<Output> {
        let status = self.child.wait()?;
        Ok(Output { code: status.code(), ..self.output })
    }

    fn abort(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

/// Reads what is there, and true once there will be no more.
fn drain<R: Read>(pipe: Option<&mut R>, into: &mut Vec<u8>) -> io::Result<bool> {
    let Some(pipe) = pipe else { return Ok(true) };
    let mut buffer = [0; 16384];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(length) => {
                let room = Output::LIMIT.saturating_sub(into.len());
                into.extend_from_slice(buffer.get(..length.min(room)).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command::new("sh").arg("-c").arg(script)
    }

    #[test]
    fn captures_both_streams_and_the_code() {
        let output = RealProcesses.run(&shell("echo out; echo err >&2; exit 3")).unwrap();
        assert_eq!(
            output,
            Output { code: Some(3), stdout: b"out\n".into(), stderr: b"err\n".into() }
        );
        let error = RealProcesses.demand(&shell("echo no >&2; exit 3")).unwrap_err();
        assert!(error.to_string().ends_with("failed with exit code 3:\nno"), "{error}");
    }

    #[test]
    fn feeds_and_reads_more_than_a_pipe_holds() {
        let input = vec![b'x'; 1 << 20];
        let output = RealProcesses.run(&Command::new("cat").input(input.clone())).unwrap();
        assert!(output.stdout == input);
        let deaf = RealProcesses.run(&Command::new("true").input(input)).unwrap();
        assert!(deaf.success());
    }

    #[test]
    fn kills_what_takes_too_long() {
        let begun = Instant::now();
        let slow = Command::new("sleep").arg("60").limit(Duration::from_millis(50));
        assert!(matches!(RealProcesses.run(&slow), Err(ProcessError::TimedOut { .. })));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn does_not_wait_for_what_runs_in_the_background() {
        let begun = Instant::now();
        let output = RealProcesses.run(&shell("sleep 15 & echo started")).unwrap();
        assert_eq!(output.stdout, b"started\n");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_of_the_system_sees_nothing_of_ours() {
        let output = RealProcesses.run(&Command::system("env")).unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let names: Vec<_> = output.lines().filter_map(|line| line.split('=').next()).collect();
        assert_eq!(names, ["LC_ALL", "PATH"]);
    }

    #[test]
    fn says_which_program_is_missing() {
        let error = RealProcesses.run(&Command::new("tieline-no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot run tieline-no-such-program");
    }
}
