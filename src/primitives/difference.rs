//! How one set of things differs from another.

use std::collections::{BTreeMap, BTreeSet};

/// What came, went and became different between an old and a new set of things that have names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<K> {
    /// Only in the new set.
    pub added: BTreeSet<K>,
    /// In both, and not the same.
    pub changed: BTreeSet<K>,
    /// Only in the old set.
    pub removed: BTreeSet<K>,
    /// In both, and the same.
    pub unchanged: BTreeSet<K>,
}

impl<K> Default for Difference<K> {
    fn default() -> Self {
        let none = BTreeSet::new;
        Self { added: none(), changed: none(), removed: none(), unchanged: none() }
    }
}

impl<K: Ord + Clone> Difference<K> {
    /// How `new` differs from `old`: values that are equal are the same thing.
    #[must_use]
    pub fn between<V: PartialEq>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> Self {
        let mut difference = Self::default();
        for (name, value) in new {
            let list = match old.get(name) {
                None => &mut difference.added,
                Some(before) if before == value => &mut difference.unchanged,
                Some(_) => &mut difference.changed,
            };
            list.insert(name.clone());
        }
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        difference.removed.extend(gone.cloned());
        difference
    }

    /// Whether both sets are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// Everything that is not the same.
    pub fn all(&self) -> impl Iterator<Item = &K> {
        self.added.iter().chain(&self.changed).chain(&self.removed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn apply(old: &BTreeMap<u8, u8>, new: &BTreeMap<u8, u8>) -> BTreeMap<u8, u8> {
        let difference = Difference::between(old, new);
        let mut result = old.clone();
        result.retain(|name, _| !difference.removed.contains(name));
        for name in difference.added.iter().chain(&difference.changed) {
            result.insert(*name, new[name]);
        }
        result
    }

    proptest! {
        #[test]
        fn it_leads_from_the_old_to_the_new(
            old in btree_map(0..8_u8, 0..3_u8, 0..8), new in btree_map(0..8_u8, 0..3_u8, 0..8),
        ) {
            prop_assert_eq!(apply(&old, &new), new.clone());
            let there = Difference::between(&old, &new);
            let back = Difference::between(&new, &old);
            prop_assert_eq!(&there.added, &back.removed);
            prop_assert_eq!(&there.removed, &back.added);
            prop_assert_eq!((&there.changed, &there.unchanged), (&back.changed, &back.unchanged));
            prop_assert_eq!(there.is_empty(), old == new);
            let names: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
            let mut told: Vec<_> = there.all().chain(&there.unchanged).copied().collect();
            told.sort_unstable();
            prop_assert_eq!(told, Vec::from_iter(names), "each name once");
        }
    }
}
