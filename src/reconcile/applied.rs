//! What has been applied since boot: the inputs each unit was last started with.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::host::{FileError, Files, Mode};
use crate::primitives::{Device, Digest};

/// A note in the run directory, which a reboot empties along with everything it speaks of. A unit
/// that is not in it is in an unknown state, and gets applied again.
///
/// Format 1 is written and read by Tieline 0.1; a note in another format counts as none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    format: u32,
    /// The inputs of the ruleset that was loaded.
    pub ruleset: Option<Digest>,
    /// What the table was right after that.
    #[serde(default)]
    pub table: Option<Digest>,
    /// The inputs that each tunnel's process was started with.
    pub tunnels: BTreeMap<Device, Digest>,
}

impl Default for Applied {
    fn default() -> Self {
        Self { format: Self::FORMAT, ruleset: None, table: None, tunnels: BTreeMap::new() }
    }
}

impl Applied {
    const FORMAT: u32 = 1;
    const FILE: &'static str = "applied.json";
    /// A thousand tunnels take 80 KiB.
    const LIMIT: u64 = 8 << 20;

    /// The note in the run directory; an empty one where there is none that can be read, because
    /// applying a unit once more does less harm than not at all.
    #[must_use]
    pub fn load(files: &dyn Files, run: &Utf8Path) -> Self {
        let content = files.read(&run.join(Self::FILE), Self::LIMIT).unwrap_or_default();
        let note: Option<Self> = serde_json::from_slice(&content).ok();
        note.filter(|note| note.format == Self::FORMAT).unwrap_or_default()
    }

    /// Writes the note.
    pub fn save(&self, files: &dyn Files, run: &Utf8Path) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let content = serde_json::to_vec(self).unwrap_or_default();
        files.replace(&run.join(Self::FILE), &content, Mode::Public)
    }
}
