//! The two parties to a git server: who publishes, and a gateway that fetches.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use tieline::host::git::{Fetch, Fetched, GitError, Limits, Reach, RealGit, Remote, Remotes as _};
use tieline::host::{Clock as _, RealClock, RealFiles};
use tieline::publish::{Publication, PublishError, Published};
use time::OffsetDateTime;

use super::notes::{Releases, files};

/// Git through the worker of the binary under test.
pub fn git() -> RealGit {
    RealGit::with_program(env!("CARGO_BIN_EXE_tieline").into())
}

/// Publishes the newest release.
pub fn publish(releases: &Releases, remote: &Remote) -> Result<Published, PublishError> {
    publish_at(RealClock.now(), releases, remote)
}

/// The same at another time.
pub fn publish_at(
    now: OffsetDateTime,
    releases: &Releases,
    remote: &Remote,
) -> Result<Published, PublishError> {
    let workspace = tempfile::tempdir().unwrap();
    let root = std::fs::read(releases.path().join("metadata/1.root.json")).unwrap_or_default();
    let publication = Publication {
        repository: &releases.path(),
        root: &root,
        remote,
        workspace: workspace.path().to_owned().try_into().unwrap(),
        deadline: Duration::from_mins(1),
        dry_run: false,
    };
    tieline::publish::publish(&RealFiles, &git(), now, &publication)
}

/// A gateway's directory of fetched files.
pub struct Inbox {
    directory: tempfile::TempDir,
    fetch: Fetch,
    last: RefCell<Option<Utf8PathBuf>>,
}

impl Inbox {
    pub fn new(gateway: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fetch = Fetch {
            remote: Remote::new("file:///none".parse().unwrap()),
            branch: format!("gateway/{gateway}"),
            targets: true,
            directory: directory.path().to_owned().try_into().unwrap(),
            deadline: Duration::from_mins(1),
            limits: Limits::SLICE,
        };
        Self { directory, fetch, last: RefCell::default() }
    }

    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.fetch.limits = limits;
        self
    }

    pub fn directory(&self) -> Utf8PathBuf {
        self.directory.path().to_owned().try_into().unwrap()
    }

    pub fn fetch(&self, remote: &Remote) -> Result<Fetched, GitError> {
        self.fetch_within(self.fetch.deadline, remote)
    }

    pub fn fetch_within(&self, deadline: Duration, remote: &Remote) -> Result<Fetched, GitError> {
        let fetch = Fetch { remote: remote.clone(), deadline, ..self.fetch.clone() };
        let fetched = git().fetch(&fetch)?;
        *self.last.borrow_mut() = Some(fetched.files.clone());
        Ok(fetched)
    }

    /// Only asks whether the remote is there.
    pub fn reach_within(&self, deadline: Duration, remote: &Remote) -> Result<(), GitError> {
        let (remote, directory) = (remote.clone(), self.directory());
        git().reach(&Reach { remote, directory, deadline })
    }

    /// What was fetched last, by path.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let last = self.last.borrow();
        files(last.as_ref().expect("something was fetched").as_std_path())
    }
}
