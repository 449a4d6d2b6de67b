//! Who else may say what some targets are (TUF specification §4.5, `DELEGATIONS`).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::role_keys::Authority;
use super::{KeyId, PublicKey, RoleName, pattern};
use crate::primitives::Digest;

/// To whom targets metadata delegate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Delegations {
    pub(super) keys: BTreeMap<KeyId, PublicKey>,
    /// Each role by itself, in the order in which they are searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<Vec<DelegatedRole>>,
    /// Or many roles at once, each with an equal part of all paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) succinct_roles: Option<SuccinctRoles>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// A role that others are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DelegatedRole {
    pub(super) name: RoleName,
    #[serde(deserialize_with = "super::role_keys::unique")]
    pub(super) keyids: Vec<KeyId>,
    pub(super) threshold: NonZeroU64,
    /// Whether nobody is asked after this role about a path that is one of its own.
    pub(super) terminating: bool,
    /// Patterns of its paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paths: Option<Vec<String>>,
    /// Or what the SHA-256 of its paths begins with, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path_hash_prefixes: Option<Vec<String>>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// 2^`bit_length` roles called `name_prefix-0` and so on, told apart by the first bits of the
/// SHA-256 of a path (TAP 15).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SuccinctRoles {
    #[serde(deserialize_with = "super::role_keys::unique")]
    pub(super) keyids: Vec<KeyId>,
    pub(super) threshold: NonZeroU64,
    pub(super) bit_length: u8,
    pub(super) name_prefix: String,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// One role that is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delegation {
    pub(super) name: RoleName,
    pub(super) terminating: bool,
}

impl Delegations {
    /// The roles that may speak of `path`, in the order in which they are asked, up to and
    /// including the first terminating one (5.6.7.2).
    pub(super) fn of(&self, path: &str) -> Vec<Delegation> {
        let hash = Digest::of(path.as_bytes());
        let mut asked = Vec::new();
        for role in self.roles.iter().flatten().filter(|role| role.is_for(path, &hash)) {
            let (name, terminating) = (role.name.clone(), role.terminating);
            asked.push(Delegation { name, terminating });
            if terminating {
                return asked;
            }
        }
        let bin = self.succinct_roles.iter().filter_map(|roles| roles.bin(&hash));
        asked.extend(bin.map(|name| Delegation { name, terminating: true }));
        asked
    }

    /// Who has to sign for `role`; `None` where nothing is delegated to it.
    pub(super) fn authority(&self, role: &RoleName) -> Option<Authority<'_>> {
        let keys = &self.keys;
        if let Some(role) = self.roles.iter().flatten().find(|other| other.name == *role) {
            let DelegatedRole { keyids, threshold, .. } = role;
            return Some(Authority { keys, keyids, threshold: *threshold });
        }
        let SuccinctRoles { keyids, threshold, .. } =
            self.succinct_roles.as_ref().filter(|roles| roles.has(role))?;
        Some(Authority { keys, keyids, threshold: *threshold })
    }

    /// Whether it says one thing only.
    fn check(&self) -> Result<(), String> {
        let ambiguous = |what: &str| Err(format!("delegations need one of {what}, and not both"));
        let succinct = match (&self.roles, &self.succinct_roles) {
            (None, Some(succinct)) => Some(succinct),
            (Some(_), None) => None,
            _ => return ambiguous("`roles` and `succinct_roles`"),
        };
        if let Some(SuccinctRoles { bit_length, name_prefix, .. }) = succinct {
            if !(1..=32).contains(bit_length) {
                return Err(format!("a bit_length of {bit_length} is not between 1 and 32"));
            }
            RoleName::try_from(format!("{name_prefix}-00000000")).map_err(|e| e.to_string())?;
        }
        let mut names = BTreeSet::new();
        for role in self.roles.iter().flatten() {
            if role.paths.is_some() == role.path_hash_prefixes.is_some() {
                return ambiguous("`paths` and `path_hash_prefixes`");
            }
            if !names.insert(&role.name) {
                return Err(format!("role {} is delegated to twice", role.name));
            }
        }
        Ok(())
    }
}

impl DelegatedRole {
    /// Whether the role may speak of `path`, whose SHA-256 is `hash`.
    fn is_for(&self, path: &str, hash: &Digest) -> bool {
        let hash = hash.to_string();
        self.paths.iter().flatten().any(|pattern| pattern::matches(pattern, path))
            || self.path_hash_prefixes.iter().flatten().any(|prefix| hash.starts_with(prefix))
    }
}

impl SuccinctRoles {
    /// The role for a path of this SHA-256.
    fn bin(&self, hash: &Digest) -> Option<RoleName> {
        let first = hash.to_string();
        let first = u32::from_str_radix(first.get(..8)?, 16).ok()?;
        let bin = first >> 32_u32.checked_sub(self.bit_length.into())?;
        let width = self.width();
        RoleName::try_from(format!("{}-{bin:0width$x}", self.name_prefix)).ok()
    }

    /// Whether `role` is one of these.
    fn has(&self, role: &RoleName) -> bool {
        let number = || role.as_str().strip_prefix(&self.name_prefix)?.strip_prefix('-');
        number().is_some_and(|number| {
            number.len() == self.width()
                && number.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
                && u64::from_str_radix(number, 16).is_ok_and(|bin| bin >> self.bit_length == 0)
        })
    }

    /// How many hexadecimal digits the number of a role has.
    fn width(&self) -> usize {
        usize::from(self.bit_length).div_ceil(4)
    }
}

/// Reads delegations that say one thing only.
pub(super) fn read<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Delegations>, D::Error> {
    let delegations = Option::<Delegations>::deserialize(reader)?;
    if let Some(delegations) = &delegations {
        delegations.check().map_err(D::Error::custom)?;
    }
    Ok(delegations)
}
