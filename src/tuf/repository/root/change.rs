//! What a proposed root changes, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::KeySummary;
use super::names::FIELD;
use super::summary::{ORDER, keys_of};
use crate::tuf::metadata::{Root, Signed};
use crate::tuf::{PublicKey, Role, UtcTime};

/// One thing that is different after a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A key that gets a role.
    Added(Role, KeySummary),
    /// A key that loses a role.
    Removed(Role, KeySummary),
    /// How many keys of a role must sign, and of how many.
    Threshold {
        /// The role.
        role: Role,
        /// How many must sign now, and of how many.
        from: (u64, usize),
        /// How many must sign then, and of how many.
        to: (u64, usize),
    },
    /// A key that people call something else.
    Named {
        /// The key, with its new name.
        key: KeySummary,
        /// What it was called.
        from: String,
    },
    /// When it expires.
    Expiry(UtcTime, UtcTime),
    /// A field that this version does not know.
    Field(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(role, key) => write!(f, "{role}: adds {key}"),
            Self::Removed(role, key) => write!(f, "{role}: removes {key}"),
            Self::Threshold { role, from, to } => write!(
                f,
                "{role}: {} of {} must sign, instead of {} of {}",
                to.0, to.1, from.0, from.1
            ),
            Self::Named { key, from } => write!(f, "{key} is the new name of {from}"),
            Self::Expiry(from, to) => write!(f, "valid until {to}, instead of {from}"),
            Self::Field(name) => write!(f, "changes the field {name:?}, which is not of Tieline"),
        }
    }
}

/// What is different between two roots. Keys are told apart by what they are, not by their ids.
pub(super) fn between(old: &Signed<Root>, new: &Signed<Root>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut renamed = BTreeMap::new();
    for role in ORDER {
        let (before, after) = (keys_of(&old.body, role), keys_of(&new.body, role));
        let has = |keys: &[KeySummary], key: &PublicKey| keys.iter().any(|k| k.key.is_same(key));
        let removed = before.iter().filter(|key| !has(&after, &key.key));
        changes.extend(removed.map(|key| Change::Removed(role, key.clone())));
        let added = after.iter().filter(|key| !has(&before, &key.key));
        changes.extend(added.map(|key| Change::Added(role, key.clone())));
        let threshold = |root: &Signed<Root>| root.body.roles.of(role).threshold.get();
        let (from, to) = ((threshold(old), before.len()), (threshold(new), after.len()));
        if from != to {
            changes.push(Change::Threshold { role, from, to });
        }
        for key in &after {
            let was = before.iter().find(|was| was.key.is_same(&key.key));
            if let Some(was) = was.filter(|was| was.name != key.name) {
                renamed.insert(key.id.clone(), (key.clone(), was.to_string()));
            }
        }
    }
    changes.extend(renamed.into_values().map(|(key, from)| Change::Named { key, from }));
    if old.expires != new.expires {
        changes.push(Change::Expiry(old.expires, new.expires));
    }
    changes.extend(other_fields(&old.body, &new.body));
    changes
}

/// The fields that this version does not know and that differ.
fn other_fields(old: &Root, new: &Root) -> Vec<Change> {
    let names: BTreeSet<_> = old.other.keys().chain(new.other.keys()).collect();
    let different = names.into_iter().filter(|name| old.other.get(*name) != new.other.get(*name));
    // The names of keys are shown one by one.
    different.filter(|name| *name != FIELD).map(|name| Change::Field(name.clone())).collect()
}
