//! What a run did, for who started it.

use super::LastRun;
use crate::host::Source;
use crate::reconcile::cause::Cause;
use crate::reconcile::events::{Event, Installed};
use crate::reconcile::units::Changes;

/// What a run did: its events, sorted by what they mean to whoever reads them.
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

impl Report {
    /// What these events come to.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut report = Self::default();
        for event in events.iter().cloned() {
            match event {
                Event::FirstSinceBoot => report.booted = true,
                Event::Progress(step) => report.steps.push(step),
                Event::Warning(warning) => report.warnings.push(warning),
                Event::DriftLeft(drift) => report.drift.push(drift),
                Event::Repaired(changes) => {
                    let before = report.repaired.take().unwrap_or_default();
                    report.repaired = Some(before.and(&changes));
                }
                Event::Verified { release, remote } => {
                    (report.release, report.remote) = (Some(release), Some(remote));
                }
                Event::Applied(installed) => report.applied.push(installed),
                Event::RolledBack => report.rolled_back = true,
            }
        }
        report
    }

    /// What was done, in one line; empty where nothing was.
    #[must_use]
    pub fn summary(&self) -> String {
        let repaired = self.repaired.as_ref().filter(|changes| changes.is_worth_telling());
        let repaired = repaired.map(|changes| format!("repaired: {changes}"));
        let applied = self.applied.iter().map(|installed| {
            let Installed { release, cause, changes } = installed;
            match cause {
                Cause::Release => format!("release {release} applied: {changes}"),
                Cause::Administrator => format!("back to release {release}: {changes}"),
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
