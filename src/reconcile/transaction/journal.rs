//! `journal.json`: what a transaction is at, written down before it does it.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::journal_format_1;
use crate::host::{BootClock, FileError, Files, Mode};
use crate::primitives::UnitId;
use crate::reconcile::cause::Cause;
use crate::reconcile::generation::Label;
use crate::reconcile::health::Health;
use crate::reconcile::units::{Level, Prior, UnitHealth};

/// A transaction that has not ended, in `journal.json` of the state directory. Without one, there
/// is none.
///
/// Format 2 is written and read; format 1, which Tieline 0.1 began with, is read, so that an upgrade
/// may come in the middle of a transaction. Another one counts as unreadable. Fields that are not
/// known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Journal {
    /// The version of this format: 2
    pub format: u32,
    /// How far it has come
    pub phase: Phase,
    /// Who wanted it
    pub cause: Cause,
    /// What was in use before
    pub from: Origin,
    /// What is to be in use
    pub to: Label,
    /// The units that it interrupts
    pub changed: BTreeSet<UnitId>,
    /// The boot in which it began: the kernel's boot_id
    pub boot: String,
    /// When it has to be healthy, in milliseconds after that boot
    pub deadline_ms: u64,
    /// What was healthy before
    pub baseline: Health,
    /// How often it was taken up again in this direction, there or back
    pub recoveries: u32,
    /// Why it is being rolled back
    pub reason: Option<String>,
}

/// How far a transaction has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Everything is prepared, and the link may have been switched
    Armed,
    /// The link has been switched, and what it asks for is being done or watched
    Switched,
    /// It did not prove healthy, and is being undone
    RollingBack,
    /// It proved healthy; what is left is to write that down elsewhere
    Committed,
}

/// What was in use before a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Nothing: it is the first, and this is how the host was
    Nothing(Prior),
    /// A generation
    Generation(Label),
    /// Something damaged
    Unknown,
}

/// What the state directory has of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalFile {
    /// None: no transaction is under way.
    Absent,
    /// One.
    Present(Box<Journal>),
    /// Something that cannot be read; a sentence says why.
    Unreadable(String),
}

impl Journal {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 2;
    const FILE: &'static str = "journal.json";
    /// A thousand tunnels take 220 KiB.
    const LIMIT: u64 = 8 << 20;

    fn path(state: &Utf8Path) -> Utf8PathBuf {
        state.join(Self::FILE)
    }

    /// What the state directory has.
    #[must_use]
    pub fn load(files: &dyn Files, state: &Utf8Path) -> JournalFile {
        let path = Self::path(state);
        let content = match files.read(&path, Self::LIMIT) {
            Ok(content) => content,
            Err(error) if error.is_not_found() => return JournalFile::Absent,
            Err(error) => return JournalFile::Unreadable(error.to_string()),
        };
        match Self::read(&content) {
            Ok(Some(journal)) => JournalFile::Present(Box::new(journal)),
            Ok(None) => JournalFile::Unreadable(format!("{path} is of another version of Tieline")),
            Err(error) => JournalFile::Unreadable(format!("{path}: {error}")),
        }
    }

    /// The journal in `content`; `None` where it has another format.
    ///
    /// # Errors
    ///
    /// What serde says of a text that is no journal.
    pub fn read(content: &[u8]) -> serde_json::Result<Option<Self>> {
        /// What every format has.
        #[derive(Deserialize)]
        struct AnyFormat {
            format: u32,
        }
        match serde_json::from_slice::<AnyFormat>(content)?.format {
            1 => journal_format_1::read(content).map(Some),
            Self::FORMAT => serde_json::from_slice(content).map(Some),
            _ => Ok(None),
        }
    }

    /// Writes it, on the disk when this returns.
    pub(super) fn save(&self, files: &dyn Files, state: &Utf8Path) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let mut content = serde_json::to_vec_pretty(self).unwrap_or_default();
        content.push(b'\n');
        files.replace(&Self::path(state), &content, Mode::Public)
    }

    /// Ends the transaction, on the disk when this returns.
    pub(in crate::reconcile) fn remove(
        files: &dyn Files,
        state: &Utf8Path,
    ) -> Result<(), FileError> {
        files.remove(&Self::path(state))?;
        files.sync_dir(state)
    }

    /// From now on it is being undone.
    pub(super) fn begin_rollback(&mut self, reason: &str) {
        if self.phase != Phase::RollingBack {
            self.recoveries = 0;
        }
        self.phase = Phase::RollingBack;
        self.reason = Some(reason.to_owned());
    }

    /// When it has to be healthy, as a time after the boot it began in.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// The units that had no process before, although they should have had one: that they have
    /// none afterwards is no reason to go back.
    pub(super) fn stopped_before(&self) -> BTreeSet<UnitId> {
        let stopped = |(_, unit): &(&UnitId, &UnitHealth)| unit.level == Level::Stopped;
        self.baseline.units.iter().filter(stopped).map(|(id, _)| id.clone()).collect()
    }

    /// Whether `now` is of the boot it began in.
    #[must_use]
    pub fn same_boot(&self, now: &BootClock) -> bool {
        !now.id.is_empty() && self.boot == now.id
    }
}
