//! Daemons that run one process for each device.

use std::collections::BTreeMap;

use super::{StepError, UnitId};
use crate::host::{Daemon, Process};
use crate::primitives::Device;
use crate::reconcile::machine::Machine;

/// The processes of `daemon` that run. What has another name in the directory of its pid files is not
/// ours.
pub(super) fn by_device(
    machine: &Machine,
    daemon: &Daemon,
) -> Result<BTreeMap<Device, Process>, StepError> {
    let running = machine.services.running(daemon)?;
    let known = |(id, process): (UnitId, Process)| Some((id.name().parse().ok()?, process));
    Ok(running.into_iter().filter_map(known).collect())
}
