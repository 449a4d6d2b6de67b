//! What a run did, for who started it.

use super::transaction::Cause;
use super::{Changes, LastRun};
use crate::host::Source;

/// What a run did. It is filled as the run goes on, so that it holds what was done before an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What had to be done for the generation that was in use before.
    pub repaired: Option<Changes>,
    /// The number of the newest release that was verified.
    pub release: Option<u64>,
    /// The remote it came from.
    pub remote: Option<Source>,
    /// What was put to use and proved healthy, in this order. It is more than one where the run
    /// before was cut off.
    pub applied: Vec<Installed>,
    /// What an administrator should know although the run went well.
    pub warnings: Vec<String>,
    /// Those warnings that the run before had as well, and that nobody needs to be told again.
    pub repeated: Vec<String>,
    /// Whether the run before ended with the same error, and said so.
    pub error_repeated: bool,
    /// Whether a release was rolled back in it.
    pub rolled_back: bool,
    /// Whether it is the first since this host was booted: what is missing then, nobody took away.
    pub booted: bool,
    /// What should be repaired and was not, because nobody wanted it to be.
    pub drift: Vec<String>,
    /// What is over that the run before failed over or waited for.
    pub recovered: Option<String>,
    /// The note that was left of it; none where it did not get as far.
    pub last_run: Option<LastRun>,
    /// What went on, for who wants to see every step.
    pub steps: Vec<String>,
}

/// A generation that was put to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// The release that had brought it.
    pub release: u64,
    /// Who wanted it.
    pub cause: Cause,
    /// What it changed.
    pub changes: Changes,
}

impl Report {
    /// What was done, in one line; empty where nothing was.
    #[must_use]
    pub fn summary(&self) -> String {
        let repaired = self.repaired.map(|changes| format!("repaired: {changes}"));
        let applied = self.applied.iter().map(|installed| {
            let Installed { release, cause, changes } = installed;
            match cause {
                Cause::Release => format!("release {release} applied: {changes}"),
                Cause::ByHand => format!("back to release {release}: {changes}"),
            }
        });
        repaired.into_iter().chain(applied).collect::<Vec<_>>().join("; ")
    }

    /// Whether anything was changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.repaired.is_some() || !self.applied.is_empty()
    }
}
