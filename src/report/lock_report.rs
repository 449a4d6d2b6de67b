//! What `tieline lock` did; as JSON with a schema in `schema/lock.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{NumberOwner, Update};
use crate::primitives::{GatewayNumber, Name};

/// What `tieline lock` changed in mesh.lock.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LockReport {
    /// Gateways and uplinks that were given a number, in order of number.
    pub added: Vec<LockEntry>,
    /// Gateways and uplinks that are gone, with the numbers that nobody will have again.
    pub retired: Vec<LockEntry>,
}

/// A gateway or an uplink, and its number.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LockEntry {
    /// The number.
    pub number: u16,
    /// The gateway.
    pub gateway: Name,
    /// The uplink of it, if it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uplink: Option<Name>,
}

impl LockReport {
    /// The report of `update`.
    #[must_use]
    pub fn new(update: &Update) -> Self {
        let entries = |list: &[(GatewayNumber, NumberOwner)]| {
            let entry = |(number, owner): &(GatewayNumber, NumberOwner)| LockEntry {
                number: number.get(),
                gateway: owner.gateway.clone(),
                uplink: owner.uplink.clone(),
            };
            list.iter().map(entry).collect()
        };
        Self { added: entries(&update.added), retired: entries(&update.retired) }
    }

    /// One line for every change of `file`.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        let line = |what: &str, entry: &LockEntry| {
            let uplink = entry.uplink.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
            format!("{file}: {what} {} {}{uplink}\n", entry.number, entry.gateway)
        };
        let retired = self.retired.iter().map(|entry| line("retired", entry));
        retired.chain(self.added.iter().map(|entry| line("added", entry))).collect()
    }
}
