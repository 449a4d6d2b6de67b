//! Changing a proposed root.

use std::num::NonZeroU64;

use super::{RootError, names, summary};
use crate::primitives::{Name, Printable};
use crate::tuf::metadata::Root;
use crate::tuf::role_keys::RoleKeys;
use crate::tuf::{KeyId, PublicKey, Role};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Gives roles to a key.
    Add {
        /// The key.
        key: NamedKey,
        /// The roles.
        roles: Vec<Role>,
    },
    /// Takes roles from a key.
    Revoke {
        /// Its name, its id, or the beginning of its id.
        key: String,
        /// The roles; none for all it has.
        roles: Vec<Role>,
    },
    /// Gives all roles of a key to another.
    Replace {
        /// The old one's name, its id, or the beginning of its id.
        old: String,
        /// The new one.
        new: NamedKey,
    },
    /// Says how many keys of a role must sign.
    Threshold {
        /// The role.
        role: Role,
        /// How many.
        threshold: NonZeroU64,
    },
}

/// A public key, and what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// The key.
    pub key: PublicKey,
    /// Its name.
    pub name: Option<Name>,
    /// Whether somebody said the name; else it is a guess, and dropped where it is taken.
    pub said: bool,
}

/// Applies a change; whether what comes out is any good is checked afterwards.
pub(super) fn apply(root: &mut Root, edit: &Edit) -> Result<(), RootError> {
    match edit {
        Edit::Add { key, roles } => {
            let id = admit(root, key)?;
            roles.iter().try_for_each(|&role| grant(root, &id, role))
        }
        Edit::Revoke { key, roles } => {
            let id = find(root, key)?;
            let held = held(root, &id);
            if let Some(role) = roles.iter().find(|role| !held.contains(role)) {
                return Err(RootError::HoldsNot { key: called(root, &id), role: *role });
            }
            revoke(root, &id, if roles.is_empty() { &held } else { roles });
            Ok(())
        }
        Edit::Replace { old, new } => {
            let old = find(root, old)?;
            if root.keys.get(&old).is_some_and(|key| key.is_same(&new.key)) {
                return Err(RootError::Itself { key: called(root, &old) });
            }
            let roles = held(root, &old);
            // First, so that its name is free for its successor.
            revoke(root, &old, &roles);
            let id = admit(root, new)?;
            roles.iter().try_for_each(|&role| grant(root, &id, role))
        }
        Edit::Threshold { role, threshold } => {
            role_keys_mut(root, *role).threshold = *threshold;
            Ok(())
        }
    }
}

/// Lists a key, unless it is listed already, and names it; the id it has.
fn admit(root: &mut Root, new: &NamedKey) -> Result<KeyId, RootError> {
    let listed = root.keys.iter().find(|(_, key)| key.is_same(&new.key));
    let id = listed.map_or_else(|| new.key.id(), |(id, _)| id.clone());
    root.keys.entry(id.clone()).or_insert_with(|| new.key.clone());
    let mut names = names::of(root);
    let Some(name) = &new.name else { return Ok(id) };
    let taken = names.iter().any(|(other, taken)| taken == name && *other != id);
    if taken && new.said {
        return Err(RootError::NameTaken { name: name.clone() });
    }
    if !taken && (new.said || !names.contains_key(&id)) {
        names.insert(id.clone(), name.clone());
        names::set(root, &names);
    }
    Ok(id)
}

fn grant(root: &mut Root, id: &KeyId, role: Role) -> Result<(), RootError> {
    if root.roles.of(role).keyids.contains(id) {
        return Err(RootError::HoldsAlready { key: called(root, id), role });
    }
    let holders = role_keys_mut(root, role);
    holders.keyids.push(id.clone());
    holders.keyids.sort();
    Ok(())
}

/// Takes roles from a key. One that holds none any more is not listed any more.
fn revoke(root: &mut Root, id: &KeyId, roles: &[Role]) {
    for role in roles {
        role_keys_mut(root, *role).keyids.retain(|holder| holder != id);
    }
    if held(root, id).is_empty() {
        let mut names = names::of(root);
        names.remove(id);
        root.keys.remove(id);
        names::set(root, &names);
    }
}

/// The key that somebody calls `what`.
fn find(root: &Root, what: &str) -> Result<KeyId, RootError> {
    let shown = || Printable(what).to_string();
    let names = names::of(root);
    let meant = names.iter().find(|(_, name)| name.as_str() == what).map(|(id, _)| id);
    if let Some(id) = meant.or_else(|| root.keys.keys().find(|id| id.to_string() == what)) {
        return Ok(id.clone());
    }
    // Fewer digits could be a typing error that happens to mean somebody.
    let long_enough = what.len() >= 8;
    let mut matching = root.keys.keys().filter(|id| id.to_string().starts_with(what));
    match (matching.next().filter(|_| long_enough), matching.next()) {
        (Some(id), None) => Ok(id.clone()),
        (Some(_), Some(_)) => Err(RootError::SeveralKeys { what: shown() }),
        _ => Err(RootError::NoSuchKey { what: shown() }),
    }
}

/// The roles that a key holds.
fn held(root: &Root, id: &KeyId) -> Vec<Role> {
    let holds = |role: &Role| root.roles.of(*role).keyids.contains(id);
    summary::ORDER.into_iter().filter(holds).collect()
}

fn called(root: &Root, id: &KeyId) -> String {
    let name = names::of(root).get(id).map(ToString::to_string);
    name.unwrap_or_else(|| format!("key {}", Printable(&id.short())))
}

fn role_keys_mut(root: &mut Root, role: Role) -> &mut RoleKeys {
    let roles = &mut root.roles;
    match role {
        Role::Root => &mut roles.root,
        Role::Timestamp => &mut roles.timestamp,
        Role::Snapshot => &mut roles.snapshot,
        Role::Targets => &mut roles.targets,
    }
}
