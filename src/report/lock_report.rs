//! What `tieline lock` did; as JSON with a schema in `schema/lock.schema.json`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Update;
use crate::primitives::{GatewayNumber, Name};

/// What `tieline lock` changed in mesh.lock.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LockReport {
    /// Gateways that were given a number, in order of number.
    pub added: Vec<LockEntry>,
    /// Gateways that are gone, with the numbers that nobody will have again.
    pub retired: Vec<LockEntry>,
}

/// A gateway and its number.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LockEntry {
    /// The number.
    pub number: u16,
    /// The gateway.
    pub gateway: Name,
}

impl LockReport {
    /// The report of `update`.
    #[must_use]
    pub fn new(update: &Update) -> Self {
        let entries = |list: &[(GatewayNumber, Name)]| {
            let entry = |(number, gateway): &(GatewayNumber, Name)| LockEntry {
                number: number.get(),
                gateway: gateway.clone(),
            };
            list.iter().map(entry).collect()
        };
        Self { added: entries(&update.added), retired: entries(&update.retired) }
    }

    /// One line for every change of `file`.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        let line = |what: &str, entry: &LockEntry| {
            format!("{file}: {what} {} {}\n", entry.number, entry.gateway)
        };
        let retired = self.retired.iter().map(|entry| line("retired", entry));
        retired.chain(self.added.iter().map(|entry| line("added", entry))).collect()
    }
}
