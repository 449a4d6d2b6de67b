//! What a run did, for one line of text.

use std::fmt;

use super::count::Count;
use super::{Phase, Steps, UnitId, kind};
use crate::primitives::Difference;

/// How much was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files of the generation in use that were restored.
    pub files: u32,
    /// The units that were added, changed or removed.
    pub units: Difference<UnitId>,
}

impl Changes {
    /// What `steps` change.
    #[must_use]
    pub fn of(steps: &Steps) -> Self {
        let mut changes = Self::default();
        for step in steps.iter() {
            let list = match step.phase {
                Phase::Add => &mut changes.units.added,
                Phase::Change => &mut changes.units.changed,
                Phase::Remove => &mut changes.units.removed,
            };
            list.insert(step.unit.clone());
        }
        changes.settle();
        changes
    }

    /// These changes and then `more`.
    #[must_use]
    pub fn and(mut self, more: &Self) -> Self {
        self.files += more.files;
        self.units.added.extend(more.units.added.iter().cloned());
        self.units.changed.extend(more.units.changed.iter().cloned());
        self.units.removed.extend(more.units.removed.iter().cloned());
        self.settle();
        self
    }

    /// A unit that was changed in several ways is changed.
    fn settle(&mut self) {
        let Difference { added, changed, removed, .. } = &mut self.units;
        let both: Vec<_> = added.intersection(removed).cloned().collect();
        changed.extend(both);
        added.retain(|unit| !changed.contains(unit));
        removed.retain(|unit| !changed.contains(unit));
    }

    /// How many units of a kind were changed.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> usize {
        self.units.all().filter(|unit| unit.kind() == kind).count()
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
        let Difference { added, changed, removed, .. } = &self.units;
        // In the order in which people think of them.
        for &kind in kind::TOLD {
            let [added, changed, removed] = [added, changed, removed]
                .map(|units| units.iter().filter(|unit| unit.kind() == kind).count());
            words.extend(kind::words(kind, Count { added, changed, removed }));
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
