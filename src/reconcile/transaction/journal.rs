//! `journal.json`: what a transaction is at, written down before it does it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bundle::Sysctl;
use crate::host::{BootClock, FileError, Files, Mode};
use crate::primitives::Device;
use crate::reconcile::Label;
use crate::reconcile::health::{Health, Level, PeerHealth};

/// A transaction that has not ended, in `journal.json` of the state directory. Without one, there
/// is none.
///
/// Format 1 is written and read by Tieline 0.1; another one counts as unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The version of this format: 1
    pub format: u32,
    /// How far it has come
    pub phase: Phase,
    /// Who wanted it
    pub cause: Cause,
    /// What was in use before
    pub from: Origin,
    /// What is to be in use
    pub to: Label,
    /// The tunnels that it adds, restarts or removes
    pub changed: BTreeSet<Device>,
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

/// Who wanted a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A new release
    Release,
    /// An administrator on this gateway, who goes back
    ByHand,
}

/// What was in use before a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Origin {
    /// Nothing: it is the first
    Nothing {
        /// The kernel settings as they were
        settings: BTreeMap<Sysctl, String>,
    },
    /// A generation
    Generation(Label),
    /// Something damaged
    Unknown,
}

/// What there is of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// None.
    Nothing,
    /// One.
    Journal(Box<Journal>),
    /// Something that cannot be read; a sentence says why.
    Unreadable(String),
}

impl Journal {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    const FILE: &'static str = "journal.json";
    /// A thousand tunnels take 200 KiB.
    const LIMIT: u64 = 8 << 20;

    fn path(state: &Utf8Path) -> Utf8PathBuf {
        state.join(Self::FILE)
    }

    /// What the state directory has.
    #[must_use]
    pub fn load(files: &dyn Files, state: &Utf8Path) -> Found {
        let path = Self::path(state);
        let content = match files.read(&path, Self::LIMIT) {
            Ok(content) => content,
            Err(error) if error.is_not_found() => return Found::Nothing,
            Err(error) => return Found::Unreadable(error.to_string()),
        };
        match serde_json::from_slice::<Self>(&content) {
            Ok(journal) if journal.format == Self::FORMAT => Found::Journal(Box::new(journal)),
            Ok(_) => Found::Unreadable(format!("{path} is of another version of Tieline")),
            Err(error) => Found::Unreadable(format!("{path}: {error}")),
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
    pub(super) fn remove(files: &dyn Files, state: &Utf8Path) -> Result<(), FileError> {
        files.remove(&Self::path(state))?;
        files.sync_dir(state)
    }

    /// Turns it round: from now on it is being undone.
    pub(super) fn turn_back(&mut self, reason: &str) {
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

    /// The tunnels that had no process before, although they should have had one: that they have
    /// none afterwards is no reason to go back.
    pub(super) fn dead_before(&self) -> BTreeSet<Device> {
        let dead = |(_, peer): &(&Device, &PeerHealth)| peer.level == Level::Stopped;
        self.baseline.tunnels.iter().filter(dead).map(|(device, _)| *device).collect()
    }

    /// Whether `now` is of the boot it began in.
    #[must_use]
    pub fn same_boot(&self, now: &BootClock) -> bool {
        !now.id.is_empty() && self.boot == now.id
    }
}
