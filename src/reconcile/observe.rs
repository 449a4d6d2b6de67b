//! This host as it is. Looking spawns no process.

use std::collections::BTreeMap;

use super::{Applied, Machine, Paths, Seen, StepError};
use crate::bundle::Sysctl;

/// Looks at everything a bundle may change.
pub(super) fn observe(machine: &Machine, paths: &Paths) -> Result<Seen, StepError> {
    let mut settings = BTreeMap::new();
    for setting in Sysctl::ALL {
        settings.insert(setting, machine.network.setting(setting.name())?);
    }
    Ok(Seen {
        network: machine.network.observe()?,
        processes: machine.services.running()?,
        settings,
        applied: Applied::load(machine.files, &paths.run),
    })
}
