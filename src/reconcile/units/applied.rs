//! What has been applied since boot: the inputs each unit was last applied with.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::UnitId;
use crate::host::{FileError, Files, Mode};
use crate::primitives::{Device, Digest};

/// A note in the run directory, which a reboot empties along with everything it speaks of. A unit
/// that is not in it is in an unknown state, and gets applied again.
///
/// Format 2 is written and read; format 1, which Tieline 0.1 began with, is read. A note in another
/// format counts as none. Fields that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    format: u32,
    /// What was applied of each unit.
    pub units: BTreeMap<UnitId, Note>,
}

/// What was applied of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Everything it was made of.
    pub inputs: Digest,
    /// What the kernel told of it right after that, where it tells anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Digest>,
}

impl Default for Applied {
    fn default() -> Self {
        Self { format: Self::FORMAT, units: BTreeMap::new() }
    }
}

impl Applied {
    const FORMAT: u32 = 2;
    const FILE: &'static str = "applied.json";
    /// A thousand tunnels take 110 KiB.
    const LIMIT: u64 = 8 << 20;

    /// The note in the run directory; an empty one where there is none that can be read, because
    /// applying a unit once more does less harm than not at all.
    #[must_use]
    pub fn load(files: &dyn Files, run: &Utf8Path) -> Self {
        let content = files.read(&run.join(Self::FILE), Self::LIMIT).unwrap_or_default();
        Self::read(&content).unwrap_or_default()
    }

    /// The note in `content`; `None` where it is none, or has another format.
    #[must_use]
    pub fn read(content: &[u8]) -> Option<Self> {
        /// What every format has.
        #[derive(Deserialize)]
        struct AnyFormat {
            format: u32,
        }
        match serde_json::from_slice::<AnyFormat>(content).ok()?.format {
            1 => serde_json::from_slice::<Format1>(content).ok().map(Self::from),
            Self::FORMAT => serde_json::from_slice(content).ok(),
            _ => None,
        }
    }

    /// Writes the note.
    pub fn save(&self, files: &dyn Files, run: &Utf8Path) -> Result<(), FileError> {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let content = serde_json::to_vec(self).unwrap_or_default();
        files.replace(&run.join(Self::FILE), &content, Mode::Public)
    }

    /// Forgets what was applied of a unit. True if something was known of it.
    pub(in crate::reconcile) fn strike(&mut self, unit: &UnitId) -> bool {
        self.units.remove(unit).is_some()
    }

    /// Whether a unit was last applied with these inputs.
    pub(super) fn has(&self, unit: &UnitId, inputs: Digest) -> bool {
        self.units.get(unit).is_some_and(|note| note.inputs == inputs)
    }
}

/// The format before units had names: an upgrade must not restart what runs.
#[derive(Deserialize)]
struct Format1 {
    ruleset: Option<Digest>,
    #[serde(default)]
    table: Option<Digest>,
    tunnels: BTreeMap<Device, Digest>,
}

impl From<Format1> for Applied {
    fn from(old: Format1) -> Self {
        let note = |inputs, result| Note { inputs, result };
        let ruleset = old
            .ruleset
            .map(|inputs| (UnitId::new("nftables", &"tieline"), note(inputs, old.table)));
        let tunnels = old.tunnels.into_iter();
        let tunnels =
            tunnels.map(|(device, inputs)| (UnitId::new("tunnel", &device), note(inputs, None)));
        Self { units: ruleset.into_iter().chain(tunnels).collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_version_before_noted_is_known() {
        let (a, b, c) = (Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c"));
        let old =
            format!(r#"{{"format":1,"ruleset":"{a}","table":"{b}","tunnels":{{"tl-2":"{c}"}}}}"#);
        let applied = Applied::read(old.as_bytes()).unwrap();
        let expected = [
            ("nftables/tieline", Note { inputs: a, result: Some(b) }),
            ("tunnel/tl-2", Note { inputs: c, result: None }),
        ];
        let expected = expected.map(|(id, note)| (id.parse().unwrap(), note));
        assert_eq!(applied.units, BTreeMap::from(expected));
        let written = serde_json::to_vec(&applied).unwrap();
        assert_eq!(Applied::read(&written), Some(applied));
    }

    #[test]
    fn a_field_from_the_future_is_passed_by_and_another_format_is_none() {
        assert_eq!(Applied::read(br#"{"format":2,"units":{},"more":1}"#), Some(Applied::default()));
        assert_eq!(Applied::read(br#"{"format":3,"units":{}}"#), None);
        assert_eq!(Applied::read(b"{}"), None);
        assert_eq!(Applied::read(b""), None);
    }
}
