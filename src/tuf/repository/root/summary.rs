//! A root as people look at it.

use std::fmt;

use super::names;
use crate::primitives::{Name, Printable};
use crate::tuf::metadata::{Root, Signed};
use crate::tuf::{KeyId, PublicKey, Role, UtcTime};

/// What a root says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSummary {
    /// Its version.
    pub version: u64,
    /// The mesh it is for, if it says so.
    pub mesh: Option<Name>,
    /// When it was signed, as it says itself: gateways without a clock learn the time from it.
    pub signed_at: Option<UtcTime>,
    /// When it expires.
    pub expires: UtcTime,
    /// Who holds what: root, targets, snapshot, timestamp.
    pub roles: Vec<RoleSummary>,
}

/// Who holds a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSummary {
    /// The role.
    pub role: Role,
    /// How many of the keys must sign.
    pub threshold: u64,
    /// The keys.
    pub keys: Vec<KeySummary>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySummary {
    /// Its id in this root.
    pub id: KeyId,
    /// What people call it.
    pub name: Option<Name>,
    /// The key itself.
    pub key: PublicKey,
}

/// `anna (946bbfb4fd58)`, or the id alone where there is no name. Ids are others' text.
impl fmt::Display for KeySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.short();
        match &self.name {
            Some(name) => write!(f, "{name} ({})", Printable(&id)),
            None => write!(f, "key {}", Printable(&id)),
        }
    }
}

/// The order in which people want to see roles.
pub(super) const ORDER: [Role; 4] = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];

impl RootSummary {
    pub(super) fn of(signed: &Signed<Root>) -> Self {
        let root = &signed.body;
        let role = |role: Role| RoleSummary {
            role,
            threshold: root.roles.of(role).threshold.get(),
            keys: keys_of(root, role),
        };
        Self {
            version: signed.version.get(),
            mesh: root.mesh.clone(),
            signed_at: signed.signed_at,
            expires: signed.expires,
            roles: ORDER.into_iter().map(role).collect(),
        }
    }
}

/// The keys that hold `role`, in the order of their names.
pub(super) fn keys_of(root: &Root, role: Role) -> Vec<KeySummary> {
    let names = names::of(root);
    let summary = |id: &KeyId| {
        let key = root.keys.get(id)?.clone();
        Some(KeySummary { id: id.clone(), name: names.get(id).cloned(), key })
    };
    let mut keys: Vec<_> = root.roles.of(role).keyids.iter().filter_map(summary).collect();
    keys.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    keys
}
