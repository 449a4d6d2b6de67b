//! How the last run ended, for those who were not there.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Counts, Report};
use crate::host::{FileError, Files, Mode, TEMPORARY};
use crate::primitives::{UnitId, error_chain};
use crate::reconcile::config::Paths;
use crate::reconcile::error::RunError;
use crate::reconcile::outcome::Outcome;
use crate::tuf::UtcTime;

/// `status.json`: in the run directory after every run, in the state directory where something
/// but the time has changed, and once an hour. So a run with nothing to do does not wear a flash
/// disk, and a reboot forgets an hour at most.
///
/// Format 1 is written and read by Tieline 0.1. Fields that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRun {
    /// The version of this format: 1
    pub format: u32,
    /// When it ended, by this host's clock
    #[schemars(with = "String")]
    pub at: UtcTime,
    /// How it ended
    pub outcome: OutcomeKind,
    /// What it said, in one line; empty where it had nothing to say
    pub message: String,
    /// What an administrator should know although it may have ended well
    pub warnings: Vec<String>,
    /// The newest release that was verified in it
    pub release: Option<u64>,
    /// The units that it could not make what they should be
    #[serde(default)]
    pub failed: BTreeSet<UnitId>,
    /// Since when runs have ended well, or on hold, or neither
    #[schemars(with = "String")]
    pub since: UtcTime,
    /// When a run last ended with all as it should be
    #[schemars(with = "Option<String>")]
    pub success: Option<UtcTime>,
    /// Since when the generation in use has been in use
    #[schemars(with = "Option<String>")]
    pub in_use_since: Option<UtcTime>,
    /// What is said in every run and was printed, and when last
    #[schemars(with = "BTreeMap<String, String>")]
    pub told: BTreeMap<String, UtcTime>,
    /// What all runs so far have done
    pub counts: Counts,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// All was as it should be
    Converged,
    /// Something was changed, and now all is as it should be
    Changed,
    /// An administrator does not want releases to be applied for now
    OnHold,
    /// Something is not as it should be
    Failed,
    /// The newest release failed here, and the one before runs
    RolledBack,
    /// Nothing goes on until somebody has had a look
    Alarm,
}

/// Whether a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Well,
    OnHold,
    Ill,
}

impl OutcomeKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Converged, Self::Changed, Self::OnHold, Self::Failed, Self::RolledBack, Self::Alarm];

    /// How a run ended in which something was changed, or was not.
    fn of(ended: &Result<Outcome, RunError>, changed: bool) -> Self {
        match ended {
            Ok(Outcome::Converged) if changed => Self::Changed,
            Ok(Outcome::Converged) => Self::Converged,
            Ok(Outcome::OnHold(_)) => Self::OnHold,
            Ok(Outcome::RolledBack { .. }) => Self::RolledBack,
            Err(RunError::RollbackFailed { .. } | RunError::Alarm(_)) => Self::Alarm,
            Ok(Outcome::Undone { .. } | Outcome::NoLongerAllowed { .. }) | Err(_) => Self::Failed,
        }
    }

    /// Its name, as in status.json.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Changed => "changed",
            Self::OnHold => "on-hold",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
            Self::Alarm => "alarm",
        }
    }

    fn verdict(self) -> Verdict {
        match self {
            Self::Converged | Self::Changed => Verdict::Well,
            Self::OnHold => Verdict::OnHold,
            Self::Failed | Self::RolledBack | Self::Alarm => Verdict::Ill,
        }
    }
}

/// For how many hours the state directory may be behind the run directory.
const WORN: time::Duration = time::Duration::hours(1);
/// After which time what is still so is told again.
const REMINDER: time::Duration = time::Duration::days(1);

impl LastRun {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    const FILE: &'static str = "status.json";
    const LIMIT: u64 = 1 << 20;

    /// A run that did what `report` says and ended `at` with `ended`, after the one `before`.
    pub(in crate::reconcile) fn new(
        before: Option<&Self>,
        at: UtcTime,
        report: &Report,
        ended: &Result<Outcome, RunError>,
    ) -> Self {
        let outcome = OutcomeKind::of(ended, report.changed());
        let message = match ended {
            Err(error) => error_chain(error),
            Ok(Outcome::Converged) => report.summary(),
            Ok(outcome) => outcome.to_string(),
        };
        let same = before.filter(|before| before.outcome.verdict() == outcome.verdict());
        let well = outcome.verdict() == Verdict::Well;
        let other = !report.applied.is_empty() || report.rolled_back;
        let carried = before.and_then(|before| before.in_use_since);
        let mut run = Self {
            format: Self::FORMAT,
            at,
            outcome,
            message,
            warnings: report.warnings.clone(),
            release: report.release,
            failed: ended.as_ref().err().map(RunError::failed_units).unwrap_or_default(),
            since: same.map_or(at, |before| before.since),
            success: if well { Some(at) } else { before.and_then(|before| before.success) },
            in_use_since: if other { Some(at) } else { carried },
            told: BTreeMap::new(),
            counts: before.map(|before| before.counts.clone()).unwrap_or_default(),
        };
        let news = before.is_none_or(|before| !run.same_end(before));
        run.counts.add(report, outcome == OutcomeKind::Alarm && news);
        let mut told = BTreeMap::new();
        for message in run.recurring() {
            let last = before.and_then(|before| before.told_lately(message, at)).unwrap_or(at);
            told.insert(without_what_varies(message), last);
        }
        run.told = told;
        run
    }

    /// What may be said by the next run as well: the error and the warnings.
    fn recurring(&self) -> impl Iterator<Item = &str> {
        let error = (self.outcome.verdict() != Verdict::Well).then_some(&self.message);
        error.into_iter().chain(&self.warnings).map(String::as_str)
    }

    /// When a message was printed, if that was less than a day ago. A time to come does not count:
    /// the clock was wrong then.
    pub(in crate::reconcile) fn told_lately(&self, message: &str, now: UtcTime) -> Option<UtcTime> {
        let told = *self.told.get(&without_what_varies(message))?;
        (told <= now && now.to_clock() - told.to_clock() < REMINDER).then_some(told)
    }

    /// Whether both ended in the same way, and said the same about it.
    fn same_end(&self, other: &Self) -> bool {
        (self.outcome, without_what_varies(&self.message))
            == (other.outcome, without_what_varies(&other.message))
    }

    /// Says in a line what is over, where the run before did not end well and this one did: whoever
    /// was told of a failure once has to be told of its end.
    pub(in crate::reconcile) fn recovery_from(&self, before: &Self) -> Option<String> {
        match (before.outcome.verdict(), self.outcome.verdict()) {
            (Verdict::OnHold, Verdict::Well) => Some("no longer on hold".to_owned()),
            (Verdict::Ill, Verdict::Well) => {
                Some(format!("well again; runs had failed since {}", before.since))
            }
            _ => None,
        }
    }

    /// What the last run left; `None` where there was none, or it left nothing that can be read.
    #[must_use]
    pub fn load(files: &dyn Files, paths: &Paths) -> Option<Self> {
        load(files, &place(&paths.run)).or_else(|| load(files, &place(&paths.state)))
    }

    pub(in crate::reconcile) fn save(
        &self,
        files: &dyn Files,
        paths: &Paths,
    ) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let mut content = serde_json::to_vec_pretty(self).unwrap_or_default();
        content.push(b'\n');
        files.publish(&place(&paths.run), &content)?;
        let kept = place(&paths.state);
        if load(files, &kept).is_some_and(|kept| self.is_as(&kept)) {
            return Ok(());
        }
        files.replace(&kept, &content, Mode::Public)
    }

    /// Whether nothing but the time differs, and that by little.
    fn is_as(&self, other: &Self) -> bool {
        let age = self.at.to_clock() - other.at.to_clock();
        let timeless = |run: &Self| Self { at: self.at, success: self.success, ..run.clone() };
        !age.is_negative() && age < WORN && timeless(self) == timeless(other)
    }
}

fn place(directory: &Utf8Path) -> Utf8PathBuf {
    directory.join(LastRun::FILE)
}

fn load(files: &dyn Files, path: &Utf8Path) -> Option<LastRun> {
    let run: LastRun = serde_json::from_slice(&files.read(path, LastRun::LIMIT).ok()?).ok()?;
    (run.format == LastRun::FORMAT).then_some(run)
}

/// A message without what is another in every run although nothing is new: the names of temporary
/// files, and how many seconds something had.
fn without_what_varies(message: &str) -> String {
    let mut words: Vec<&str> = message.split(' ').collect();
    for place in 1..words.len() {
        let unit = words.get(place).is_some_and(|word| word.trim_end_matches([';', ',']) == "s");
        if let Some(number) = words.get_mut(place - 1).filter(|_| unit)
            && number.parse::<f64>().is_ok()
        {
            *number = "some";
        }
    }
    let message = words.join(" ");
    let mut parts = message.split(TEMPORARY);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(TEMPORARY);
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    }
    text
}

#[cfg(test)]
mod tests;
