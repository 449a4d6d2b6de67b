//! What a gateway has in use.

use super::History;
use crate::reconcile::error::RunError;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::generation::{self, Current};

/// What is in use. A link that is gone although there was one is damage, and no first install.
pub(in crate::reconcile) fn in_use(
    gateway: &Gateway,
    history: &History,
) -> Result<Current, RunError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let current = generation::current(files, state).map_err(RunError::Directories)?;
    if current == Current::None && !history.used.is_empty() {
        return Ok(Current::Damaged { why: format!("{state}/current is gone") });
    }
    Ok(current)
}
