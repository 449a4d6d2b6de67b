//! What a run did, for one line of text.

use std::collections::BTreeMap;
use std::fmt;

use super::{Phase, Steps, UnitId, kind};

/// How much was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files of the generation in use that were put back.
    pub files: u32,
    /// The units that were added, changed or removed.
    pub units: BTreeMap<UnitId, Phase>,
}

/// How many units of one kind were changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

impl Changes {
    /// What `steps` change.
    #[must_use]
    pub fn of(steps: &Steps) -> Self {
        let mut changes = Self::default();
        for step in steps.iter() {
            changes.note(&step.unit, step.phase);
        }
        changes
    }

    /// A unit that is changed in several ways is changed.
    fn note(&mut self, unit: &UnitId, phase: Phase) {
        let noted = self.units.entry(unit.clone()).or_insert(phase);
        if *noted != phase {
            *noted = Phase::Change;
        }
    }

    /// These changes and then `more`.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        self.files += more.files;
        for (unit, phase) in &more.units {
            self.note(unit, *phase);
        }
        self
    }

    /// How many units of a kind were changed.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> usize {
        self.units.keys().filter(|unit| unit.kind() == kind).count()
    }

    /// Whether there is anything that people are told.
    #[must_use]
    pub fn is_worth_telling(&self) -> bool {
        !self.words().is_empty()
    }

    fn words(&self) -> Vec<String> {
        let mut words = match self.files {
            0 => Vec::new(),
            1 => vec!["1 file restored".to_owned()],
            count => vec![format!("{count} files restored")],
        };
        // In the order in which people think of them.
        for &kind in kind::TOLD {
            let mut count = Count::default();
            for (unit, phase) in &self.units {
                match phase {
                    _ if unit.kind() != kind => {}
                    Phase::Add => count.added += 1,
                    Phase::Change => count.changed += 1,
                    Phase::Remove => count.removed += 1,
                }
            }
            words.extend(kind::words(kind, count));
        }
        words
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words();
        if words.is_empty() {
            // A bundle may differ in nothing that runs.
            return f.write_str("nothing to restart");
        }
        f.write_str(&words.join(", "))
    }
}
