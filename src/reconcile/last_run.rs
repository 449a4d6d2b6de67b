//! How the last run ended, for those who were not there.

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Report, RunError};
use crate::host::{FileError, Files, Mode};
use crate::primitives::sentence;
use crate::tuf::UtcTime;

/// `status.json` in the state directory.
///
/// Format 1 is written and read by Tieline 0.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastRun {
    /// The version of this format: 1
    pub format: u32,
    /// When it ended, by this host's clock
    #[schemars(with = "String")]
    pub at: UtcTime,
    /// How it ended
    pub outcome: Outcome,
    /// What it said, in one line; empty where it had nothing to say
    pub message: String,
    /// What an administrator should know although it may have ended well
    pub warnings: Vec<String>,
    /// The newest release that was verified in it
    pub release: Option<u64>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All was as it should be
    Converged,
    /// Something was changed, and now all is as it should be
    Changed,
    /// Something is not as it should be
    Failed,
    /// The newest release failed here, and the one before runs
    RolledBack,
    /// Nothing goes on until somebody has had a look
    Alarm,
}

impl Outcome {
    fn of(error: &RunError) -> Self {
        match error {
            RunError::RolledBack { .. } => Self::RolledBack,
            RunError::RollbackFailed { .. } | RunError::Alarm(_) => Self::Alarm,
            _ => Self::Failed,
        }
    }
}

impl LastRun {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    const FILE: &'static str = "status.json";
    const LIMIT: u64 = 1 << 20;

    /// A run that did what `report` says, and ended `at` with `ended`.
    pub(super) fn new(at: UtcTime, report: &Report, ended: &Result<(), RunError>) -> Self {
        let (outcome, message) = match ended {
            Err(error) => (Outcome::of(error), sentence(error)),
            Ok(()) => match report.summary() {
                text if text.is_empty() => (Outcome::Converged, text),
                text => (Outcome::Changed, text),
            },
        };
        let (warnings, release) = (report.warnings.clone(), report.release);
        Self { format: Self::FORMAT, at, outcome, message, warnings, release }
    }

    /// Whether both ended with an error, and with the same.
    pub(super) fn same_error(&self, other: &Self) -> bool {
        let failed = !matches!(self.outcome, Outcome::Converged | Outcome::Changed);
        failed && (self.outcome, &self.message) == (other.outcome, &other.message)
    }

    /// What the last run left; `None` where there was none, or it left nothing that can be read.
    #[must_use]
    pub fn load(files: &dyn Files, state: &Utf8Path) -> Option<Self> {
        let content = files.read(&state.join(Self::FILE), Self::LIMIT).ok()?;
        let run: Self = serde_json::from_slice(&content).ok()?;
        (run.format == Self::FORMAT).then_some(run)
    }

    pub(super) fn save(&self, files: &dyn Files, state: &Utf8Path) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let mut content = serde_json::to_vec_pretty(self).unwrap_or_default();
        content.push(b'\n');
        files.replace(&state.join(Self::FILE), &content, Mode::Public)
    }
}
