//! The file for node_exporter.

use super::{LastRun, metrics, status_after};
use crate::primitives::error_chain;
use crate::reconcile::gateway::Gateway;

/// Writes the metrics file, where gateway.yaml names one. The error is a sentence.
pub(in crate::reconcile) fn export(gateway: &Gateway, last_run: &LastRun) -> Result<(), String> {
    let Gateway { machine, config, .. } = gateway;
    let Some(path) = &config.metrics else { return Ok(()) };
    let status = status_after(machine, config, Some(last_run.clone()));
    let status = status.map_err(|error| format!("no metrics: {}", error_chain(&error)))?;
    let written = machine.files.publish(path, metrics(&status).as_bytes());
    written.map_err(|error| format!("no metrics: {}", error_chain(&error)))
}
