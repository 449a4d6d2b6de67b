//! Numbers for new gateways, tombstones for removed ones.

use std::collections::BTreeSet;

use super::{Entry, Lock, number_at};
use crate::model::{Mesh, NumberProblem};
use crate::primitives::{GatewayNumber, Name};

/// A mesh.lock brought up to its mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The new mesh.lock.
    pub lock: Lock,
    /// Gateways that were given a number, in order of number.
    pub added: Vec<(GatewayNumber, Name)>,
    /// Gateways whose number is retired, in order of number.
    pub retired: Vec<(GatewayNumber, Name)>,
}

impl Update {
    /// Whether anything is new.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.added.is_empty() || !self.retired.is_empty()
    }
}

impl Lock {
    /// Gives numbers to the gateways that have none, by name, and retires those of gateways that
    /// are gone. One that comes back under its old name gets a new number: it may be another
    /// machine, and others may still know the old one.
    pub fn update(&self, mesh: &Mesh) -> Result<Update, NumberProblem> {
        self.update_to(&mesh.gateways().map(|(_, gateway)| &gateway.name).collect())
    }

    fn update_to(&self, wanted: &BTreeSet<&Name>) -> Result<Update, NumberProblem> {
        let mut lock = self.clone();
        let mut retired = Vec::new();
        for (index, entry) in lock.entries.iter_mut().enumerate() {
            if !entry.removed && !wanted.contains(&entry.name) {
                entry.removed = true;
                retired.extend(number_at(index).map(|number| (number, entry.name.clone())));
            }
        }
        let present: BTreeSet<_> = self.alive().map(|(_, name)| name).collect();
        let mut added = Vec::new();
        for &name in wanted.difference(&present) {
            let Some(number) = number_at(lock.entries.len()) else {
                return Err(NumberProblem::NoNumberLeft { gateway: name.clone() });
            };
            lock.entries.push(Entry { name: name.clone(), removed: false });
            added.push((number, name.clone()));
        }
        Ok(Update { lock, added, retired })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    fn name(index: u8) -> Name {
        format!("gw-{index}").parse().unwrap()
    }

    proptest! {
        /// Whatever comes and goes in whatever order: a number belongs to one gateway for ever,
        /// a gateway keeps its number while it stays, and one that comes back gets a new one.
        #[test]
        fn numbers_are_never_changed_or_reused(
            history in prop::collection::vec(prop::collection::btree_set(0_u8..8, 0..8), 1..20)
        ) {
            let mut lock = Lock::default();
            let mut given: BTreeMap<GatewayNumber, Name> = BTreeMap::new();
            let mut before: BTreeMap<Name, GatewayNumber> = BTreeMap::new();
            for present in history {
                let names: BTreeSet<Name> = present.into_iter().map(name).collect();
                let update = lock.update_to(&names.iter().collect()).unwrap();
                lock = update.lock;
                let now = lock.numbers();
                prop_assert_eq!(now.keys().cloned().collect::<BTreeSet<_>>(), names);
                for (name, &number) in &now {
                    if let Some(&old) = before.get(name) {
                        prop_assert_eq!(number, old);
                    } else {
                        prop_assert_eq!(given.insert(number, name.clone()), None);
                    }
                }
                // What is written is what is read.
                prop_assert_eq!(Lock::parse(&lock.to_string()).unwrap(), lock.clone());
                before = now;
            }
        }
    }

    #[test]
    fn says_when_no_number_is_left() {
        let entry = Entry { name: name(0), removed: true };
        let lock = Lock { entries: vec![entry; usize::from(u16::MAX)] };
        let gateway = name(1);
        let error = lock.update_to(&BTreeSet::from([&gateway])).unwrap_err();
        assert_eq!(error, NumberProblem::NoNumberLeft { gateway });
    }
}
