//! The file for node_exporter.

use super::status::{Questions, status_after};
use super::{Gateway, LastRun, metrics};
use crate::primitives::sentence;

/// Writes the metrics file, where gateway.yaml names one. The error is a sentence.
pub(super) fn export(gateway: &Gateway, last_run: &LastRun) -> Result<(), String> {
    let Gateway { machine, config, .. } = gateway;
    let Some(path) = &config.metrics else { return Ok(()) };
    let asked = Questions {
        files: machine.files,
        clock: machine.clock,
        network: machine.network,
        services: machine.services,
        probes: machine.probes,
    };
    let status = status_after(&asked, config, Some(last_run.clone()));
    let status = status.map_err(|error| format!("no metrics: {}", sentence(&error)))?;
    let written = machine.files.publish(path, metrics(&status).as_bytes());
    written.map_err(|error| format!("no metrics: {}", sentence(&error)))
}
