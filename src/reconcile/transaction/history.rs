//! `history.json`: which generations were in use, and which bundles are not to be.

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{FileError, Files, Mode};
use crate::primitives::Digest;
use crate::reconcile::cause::Cause;
use crate::tuf::UtcTime;

/// What a gateway remembers of earlier transactions, in `history.json` of the state directory.
///
/// Format 1 is written and read by Tieline 0.1; one that cannot be read counts as none. Fields
/// that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The version of this format: 1
    pub format: u32,
    /// The names of the generations that were in use, the latest first
    pub used: Vec<String>,
    /// The bundles that are not put to use again, the latest first
    pub rejected: Vec<Rejected>,
}

/// A bundle that is not put to use again until a new one has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The SHA-256 of the bundle
    pub digest: Digest,
    /// The release it came with
    pub release: u64,
    /// Who does not want it: the gateway, after it failed, or an administrator who went back
    pub by: Cause,
    /// What was wrong with it
    pub reason: String,
    /// When it was rejected, by this host's clock
    #[schemars(with = "String")]
    pub at: UtcTime,
}

impl Default for History {
    fn default() -> Self {
        Self { format: Self::FORMAT, used: Vec::new(), rejected: Vec::new() }
    }
}

impl History {
    /// The format this version writes and reads.
    pub const FORMAT: u32 = 1;
    const FILE: &'static str = "history.json";
    const LIMIT: u64 = 1 << 20;
    /// How many entries of each list are kept. Three generations are.
    const KEPT: usize = 16;

    fn path(state: &Utf8Path) -> Utf8PathBuf {
        state.join(Self::FILE)
    }

    /// What the state directory has; nothing remembered where that cannot be read, because then a
    /// release is tried once more, and has to prove itself once more.
    #[must_use]
    pub fn load(files: &dyn Files, state: &Utf8Path) -> Self {
        let content = files.read(&Self::path(state), Self::LIMIT).unwrap_or_default();
        let history: Option<Self> = serde_json::from_slice(&content).ok();
        history.filter(|history| history.format == Self::FORMAT).unwrap_or_default()
    }

    /// Writes it, on the disk when this returns.
    pub(in crate::reconcile) fn save(
        &self,
        files: &dyn Files,
        state: &Utf8Path,
    ) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let mut content = serde_json::to_vec_pretty(self).unwrap_or_default();
        content.push(b'\n');
        files.replace(&Self::path(state), &content, Mode::Public)
    }

    /// Whether, and why, a bundle is not to be used.
    #[must_use]
    pub fn rejection(&self, digest: Digest) -> Option<&Rejected> {
        self.rejected.iter().find(|rejected| rejected.digest == digest)
    }

    /// Lets every bundle be used again that came with an earlier release than `release`. True if
    /// there was one.
    pub(in crate::reconcile) fn lift_outlived(&mut self, release: u64) -> bool {
        let before = self.rejected.len();
        self.rejected.retain(|rejected| rejected.release >= release);
        self.rejected.len() != before
    }

    /// Remembers that a generation is in use.
    pub(super) fn note_use(&mut self, name: String) {
        self.used.retain(|used| *used != name);
        self.used.insert(0, name);
        self.used.truncate(Self::KEPT);
    }

    /// Remembers that a bundle is not to be used.
    pub(super) fn reject(&mut self, rejected: Rejected) {
        self.lift(rejected.digest);
        self.rejected.insert(0, rejected);
        self.rejected.truncate(Self::KEPT);
    }

    /// Lets a bundle be used again.
    pub(super) fn lift(&mut self, digest: Digest) {
        self.rejected.retain(|rejected| rejected.digest != digest);
    }
}
