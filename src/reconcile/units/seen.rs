//! This host as it is. Looking spawns no process.

use super::{Applied, Seen, StepError, kind};
use crate::reconcile::config::Paths;
use crate::reconcile::machine::Machine;

/// Looks at everything a bundle may change.
pub(in crate::reconcile) fn observe(machine: &Machine, paths: &Paths) -> Result<Seen, StepError> {
    kind::observe(machine, paths, Applied::load(machine.files, &paths.run))
}
