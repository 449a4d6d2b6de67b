//! Why a run failed.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::fetch::ReleaseError;
use super::generation::Refusal;
use super::host_check::Lacks;
use super::units::{FailedStep, StepError};
use crate::host::FileError;
use crate::primitives::{UnitId, error_chain};
use crate::tuf::{TrustError, UtcTime};

/// Why a gateway is not what the newest release wants it to be.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another run has not ended yet.
    #[error(
        "another run of the reconciler holds {lock}{}",
        none_since.map(|at| format!(", and none has ended since {at}")).unwrap_or_default()
    )]
    Locked {
        /// The lock.
        lock: Utf8PathBuf,
        /// When a run last ended, where that is longer ago than any should take.
        none_since: Option<UtcTime>,
        /// Whether it has a release in use that has to prove healthy yet, which may take longer
        /// than the time between two runs.
        confirming: bool,
    },
    /// The state or run directory cannot be used.
    #[error("cannot use the directories of this gateway")]
    Directories(#[source] FileError),
    /// The host cannot be looked at.
    #[error("cannot see what state this host is in")]
    Observe(#[source] StepError),
    /// The host has not what every release needs.
    #[error(transparent)]
    Host(#[from] Lacks),
    /// There is no release to go by.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The bundle is signed and yet is none.
    #[error("release {release} is not applied")]
    Bundle {
        /// The release.
        release: u64,
        /// What is wrong.
        source: Box<TrustError>,
    },
    /// The bundle is not for this gateway, or not allowed here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Changed files of the generation in use could not be restored.
    #[error("the generation in use is damaged, and its files cannot be restored")]
    Damaged(#[source] FileError),
    /// The new generation did not fit onto the disk.
    #[error("release {release} is not applied: it cannot be written")]
    Stage {
        /// The release.
        release: u64,
        /// What could not be written.
        source: FileError,
    },
    /// The generation in use is in place, but not everything it asks for.
    #[error("{} of {count} steps failed, and the next run tries again: {}", errors.len(), problems_of(errors))]
    Steps {
        /// How many steps there were.
        count: usize,
        /// Why each that failed did.
        errors: Vec<FailedStep>,
    },
    /// A release failed, and so did a part of the way back.
    #[error("release {release} failed here ({reason}), and so did rolling it back")]
    RollbackFailed {
        /// The release.
        release: u64,
        /// What was wrong with it.
        reason: String,
        /// What kept the way back from being gone to its end.
        source: Box<RunError>,
    },
    /// The note of what is being done could not be written or removed.
    #[error("cannot keep the journal of this gateway")]
    Journal(#[source] FileError),
    /// Nothing can be done without somebody who has a look.
    #[error(transparent)]
    Alarm(#[from] Alarm),
}

/// Why the reconciler keeps its hands off until somebody has had a look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// Going back was cut off again and again.
    #[error(
        "rolling back release {release} was cut off {times} times, so nothing is touched any more"
    )]
    CutOff {
        /// The release.
        release: u64,
        /// How often.
        times: u32,
    },
    /// There is nothing to go back to.
    #[error("release {release} failed here, and there is no whole generation to go back to")]
    NoWayBack {
        /// The release.
        release: u64,
    },
    /// The generation in use is damaged, and so are the others.
    #[error("the generation in use is damaged, and there is no other that is whole: {why}")]
    Damaged {
        /// What is wrong with the one in use.
        why: String,
    },
}

impl RunError {
    /// The units that are not what they should be because of it.
    pub(super) fn failed_units(&self) -> BTreeSet<UnitId> {
        match self {
            Self::Steps { errors, .. } => {
                errors.iter().map(|failed| failed.step.unit.clone()).collect()
            }
            Self::RollbackFailed { source, .. } => source.failed_units(),
            _ => BTreeSet::new(),
        }
    }

    /// What went wrong, a sentence each; of steps only those that concern none of `but`.
    pub(super) fn problems(&self, but: &BTreeSet<UnitId>) -> Vec<String> {
        let Self::Steps { errors, .. } = self else { return vec![error_chain(self)] };
        let counts = |failed: &&FailedStep| !failed.step.concerns(but);
        errors.iter().filter(counts).map(|failed| error_chain(&failed.error)).collect()
    }
}

fn problems_of(errors: &[FailedStep]) -> String {
    errors.iter().map(|failed| error_chain(&failed.error)).collect::<Vec<_>>().join("; ")
}
