//! What people call the keys of a root.
//!
//! Key ids are opaque, and nobody remembers whose is whose. So root metadata carry a name for each
//! key, in a field of their own: beside the keys, not in them, because other clients compute the
//! id of a key from all of its fields. A name decides nothing; only keys do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::primitives::Name;
use crate::tuf::KeyId;
use crate::tuf::metadata::Root;

/// The field of root metadata.
pub(super) const FIELD: &str = "x-tieline-key-names";

/// The names, by key. What is no name, or stands for two keys, is left out: whoever reads a name
/// must be able to rely on it.
pub(super) fn of(root: &Root) -> BTreeMap<KeyId, Name> {
    let Some(Value::Object(written)) = root.other.get(FIELD) else { return BTreeMap::new() };
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    let mut names = BTreeMap::new();
    for (id, name) in written {
        let id = KeyId::from(id.clone());
        let Some(name) = name.as_str().and_then(|name| name.parse::<Name>().ok()) else { continue };
        if root.keys.contains_key(&id) {
            if !seen.insert(name.clone()) {
                twice.insert(name.clone());
            }
            names.insert(id, name);
        }
    }
    names.retain(|_, name| !twice.contains(name));
    names
}

/// Writes the names, and nothing where there is none.
pub(super) fn set(root: &mut Root, names: &BTreeMap<KeyId, Name>) {
    let written: Map<_, _> = names
        .iter()
        .filter(|(id, _)| root.keys.contains_key(id))
        .map(|(id, name)| (id.to_string(), Value::from(name.as_str())))
        .collect();
    if written.is_empty() {
        root.other.remove(FIELD);
    } else {
        root.other.insert(FIELD.to_owned(), Value::Object(written));
    }
}
