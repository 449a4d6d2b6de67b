//! What the four kinds of metadata say (TUF specification §4).
//!
//! Fields that the specification does not know are kept, and written again when a later version is
//! made from an earlier one. Two of them are ours, in every kind `x-tieline-signed-at`, in root
//! metadata `x-tieline-mesh`.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::delegations::Delegations;
use super::role_keys::{Authority, RoleKeys};
use super::{Hashes, KeyId, PublicKey, Role, UtcTime};
use crate::primitives::Name;

/// The version of the specification that we write.
pub(super) const SPEC_VERSION: &str = "1.0.31";

/// What a signature is over: the fields all metadata have, and the body.
#[expect(clippy::struct_field_names, reason = "`signed_at` says when, not what")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signed<T> {
    #[serde(rename = "_type")]
    pub(super) role: Role,
    #[serde(deserialize_with = "spec_version")]
    pub(super) spec_version: String,
    pub(super) version: NonZeroU64,
    pub(super) expires: UtcTime,
    /// When it was signed. The specification has no such field; it is what a gateway without a
    /// clock learns the time from.
    #[serde(rename = "x-tieline-signed-at", default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_at: Option<UtcTime>,
    #[serde(flatten)]
    pub(super) body: T,
}

/// The body of one kind of metadata.
pub(super) trait Body: Serialize + DeserializeOwned {
    /// Whose metadata it is.
    const ROLE: Role;
}

/// Which keys hold which role (§4.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Root {
    pub(super) consistent_snapshot: bool,
    pub(super) keys: BTreeMap<KeyId, PublicKey>,
    pub(super) roles: Roles,
    /// The mesh whose releases this root is for. With it, keys that sign for two meshes cannot be
    /// used to pass the one's releases off as the other's.
    #[serde(rename = "x-tieline-mesh", default, skip_serializing_if = "Option::is_none")]
    pub(super) mesh: Option<Name>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// Who holds the top-level roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Roles {
    pub(super) root: RoleKeys,
    pub(super) timestamp: RoleKeys,
    pub(super) snapshot: RoleKeys,
    pub(super) targets: RoleKeys,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// What the newest snapshot is (§4.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timestamp {
    pub(super) meta: TimestampMeta,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// The one file that timestamp metadata describe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimestampMeta {
    #[serde(rename = "snapshot.json")]
    pub(super) snapshot: MetaFile,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// Which versions of targets metadata belong together (§4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) meta: BTreeMap<String, MetaFile>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// One metadata file as another describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MetaFile {
    pub(super) version: NonZeroU64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hashes: Option<Hashes>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// What the bundles are (§4.5).
#[expect(clippy::struct_field_names, reason = "the wire calls it so")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Targets {
    pub(super) targets: BTreeMap<String, TargetFile>,
    /// Who else may speak of some of them.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::delegations::read"
    )]
    pub(super) delegations: Option<Delegations>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

/// One target file: for us, a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TargetFile {
    pub(super) length: u64,
    pub(super) hashes: Hashes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<Value>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

impl Body for Root {
    const ROLE: Role = Role::Root;
}

impl Body for Timestamp {
    const ROLE: Role = Role::Timestamp;
}

impl Body for Snapshot {
    const ROLE: Role = Role::Snapshot;
}

impl Body for Targets {
    const ROLE: Role = Role::Targets;
}

impl Root {
    /// Who has to sign for `role`.
    pub(super) fn authority(&self, role: Role) -> Authority<'_> {
        let RoleKeys { keyids, threshold, .. } = self.roles.of(role);
        Authority { keys: &self.keys, keyids, threshold: *threshold }
    }
}

impl Roles {
    /// Who holds `role`.
    pub(super) fn of(&self, role: Role) -> &RoleKeys {
        match role {
            Role::Root => &self.root,
            Role::Timestamp => &self.timestamp,
            Role::Snapshot => &self.snapshot,
            Role::Targets => &self.targets,
        }
    }
}

/// 1.x or 1.x.y; a later major version may mean something else by the same words (§4.3).
fn spec_version<'de, D: Deserializer<'de>>(reader: D) -> Result<String, D::Error> {
    let text = String::deserialize(reader)?;
    let parts: Vec<_> = text.split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if matches!(parts.as_slice(), ["1", _] | ["1", _, _]) && parts.iter().all(number) {
        return Ok(text);
    }
    Err(D::Error::custom(format_args!("spec_version {text:?} is not 1.0 or a later 1.x")))
}
