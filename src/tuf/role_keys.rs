//! Which keys hold a role, and how many of them have to sign.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{KeyId, PublicKey};

/// Who holds a role: any `threshold` of these keys together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoleKeys {
    #[serde(deserialize_with = "unique")]
    pub(super) keyids: Vec<KeyId>,
    pub(super) threshold: NonZeroU64,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// Whose signatures count for one file, and how many of them it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authority<'a> {
    /// The keys that whoever gives the role lists.
    pub(super) keys: &'a BTreeMap<KeyId, PublicKey>,
    /// Which of them hold the role.
    pub(super) keyids: &'a [KeyId],
    pub(super) threshold: NonZeroU64,
}

/// Key ids of which none stands twice (§4.3).
pub(super) fn unique<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<KeyId>, D::Error> {
    let ids = Vec::<KeyId>::deserialize(reader)?;
    let distinct: BTreeSet<_> = ids.iter().collect();
    if distinct.len() == ids.len() {
        return Ok(ids);
    }
    Err(D::Error::custom("a role lists the same key id twice"))
}
