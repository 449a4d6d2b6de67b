//! Git through a worker process.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use camino::Utf8Path;

use super::child::{self, Ended};
use super::home::Home;
use super::protocol::{Reply, Request, Work};
use super::{Fetch, Fetched, GitError, Publisher, Push, Pushed, Reach, Remote, Remotes};

/// Git as a child process of this one does it.
#[derive(Debug, Clone)]
pub struct RealGit {
    program: Option<PathBuf>,
}

/// What the worker is called on the command line.
pub const WORKER_COMMAND: &str = "git-worker";

impl RealGit {
    /// The worker is this same binary.
    pub const SELF: Self = Self { program: None };

    /// The worker is the `tieline` at `program`.
    #[must_use]
    pub fn with_program(program: PathBuf) -> Self {
        Self { program: Some(program) }
    }

    fn ask(
        &self,
        remote: &Remote,
        directory: &Utf8Path,
        deadline: Duration,
        work: Work,
    ) -> Result<Reply, GitError> {
        remote.check()?;
        // It becomes the worker's home, which has to be absolute.
        let directory = &camino::absolute_utf8(directory).map_err(GitError::Spawn)?;
        let home = Home::prepare(directory, remote)?;
        let request = Request {
            parent: std::process::id(),
            deadline: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
            remote: remote.clone(),
            token: remote.token.as_ref().map(|token| token.reveal().to_owned()),
            ssh_agent: remote.ssh_agent,
            directory: directory.to_owned(),
            work,
        };
        let input = serde_json::to_vec(&request)
            .map_err(|error| GitError::Spawn(std::io::Error::other(error)))?;
        // Not the path of the binary: an upgrade may have replaced it since we started.
        let program = self.program.clone().unwrap_or_else(|| "/proc/self/exe".into());
        let mut command = Command::new(program);
        command.arg(WORKER_COMMAND).env_clear().envs(home.environment());
        let ended = child::run(&mut command, input, deadline).map_err(GitError::Spawn)?;
        let remote = remote.url.clone();
        let Some(ended) = ended else {
            return Err(GitError::Deadline { remote, deadline });
        };
        match serde_json::from_slice(&ended.stdout) {
            Ok(Reply::Failed(failure)) => {
                Err(GitError::Failed { remote, failure: Box::new(failure) })
            }
            Ok(reply) => Ok(reply),
            Err(_) => Err(GitError::Worker { remote, how: how(&ended) }),
        }
    }
}

impl Remotes for RealGit {
    fn fetch(&self, fetch: &Fetch) -> Result<Fetched, GitError> {
        let work = Work::Fetch {
            branch: fetch.branch.clone(),
            targets: fetch.targets,
            limits: fetch.limits,
        };
        match self.ask(&fetch.remote, &fetch.directory, fetch.deadline, work)? {
            Reply::Fetched(fetched) => Ok(fetched),
            _ => Err(confused(&fetch.remote)),
        }
    }

    fn reach(&self, reach: &Reach) -> Result<(), GitError> {
        match self.ask(&reach.remote, &reach.directory, reach.deadline, Work::Reach)? {
            Reply::Reached => Ok(()),
            _ => Err(confused(&reach.remote)),
        }
    }
}

impl Publisher for RealGit {
    fn push(&self, push: &Push) -> Result<Pushed, GitError> {
        let work = Work::Push {
            steps: push.steps.clone(),
            prune: push.prune.clone(),
            dry_run: push.dry_run,
        };
        match self.ask(&push.remote, &push.directory, push.deadline, work)? {
            Reply::Pushed(pushed) => Ok(pushed),
            _ => Err(confused(&push.remote)),
        }
    }
}

fn confused(remote: &Remote) -> GitError {
    let how = "answered something else than was asked".to_owned();
    GitError::Worker { remote: remote.url.clone(), how }
}

/// How the worker ended, and the last it said, in one line.
fn how(ended: &Ended) -> String {
    let status = match (ended.status.code(), ended.status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    let said = String::from_utf8_lossy(&ended.stderr);
    match said.lines().rev().find(|line| !line.trim().is_empty()) {
        Some(line) => format!("{status} and said: {}", line.trim()),
        None => format!("{status} without an answer"),
    }
}
