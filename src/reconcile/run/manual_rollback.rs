//! Going back because an administrator of this gateway says so.

use super::session::{Run, lock, session};
use crate::reconcile::cause::Cause;
use crate::reconcile::error::RunError;
use crate::reconcile::gateway::Gateway;
use crate::reconcile::generation::{self, Current, Generation};
use crate::reconcile::outcome::Outcome;
use crate::reconcile::transaction::{self, History, Rejected, Target, apply};

/// Why there is nothing to go back to.
#[derive(Debug, thiserror::Error)]
pub enum ManualRollbackError {
    /// None of the generations on the disk is another one, whole, and meant for this gateway.
    #[error("there is no release to go back to: {}", known(.have))]
    None {
        /// The generations that are on the disk.
        have: Vec<String>,
    },
    /// The release is not on the disk, or not whole.
    #[error("there is no whole generation of release {release}: {}", known(.have))]
    Unknown {
        /// The release.
        release: u64,
        /// The generations that are on the disk.
        have: Vec<String>,
    },
    /// It is in use already.
    #[error("release {release} is in use")]
    InUse {
        /// The release.
        release: u64,
    },
}

fn known(have: &[String]) -> String {
    if have.is_empty() {
        "none is on this host".to_owned()
    } else {
        format!("on this host are {}", have.join(", "))
    }
}

/// Goes back to the generation that was in use before, or to that of the release `to`, in the same
/// way as forward: what does not prove healthy is undone. A transaction that has not ended ends
/// with it. The bundle that was in use is not used again until a new one has come. The error says
/// why there is nothing to go back to.
pub fn roll_back_manually(gateway: &Gateway, to: Option<u64>) -> Result<Run, ManualRollbackError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let mut nothing = None;
    let run = session(gateway, || {
        let history = History::load(files, state);
        let current = transaction::in_use(gateway, &history)?;
        match choose(gateway, &history, &current, to) {
            Ok(Generation { label, manifest, .. }) => {
                let (cause, from, to) = (Cause::Administrator, &current, &label);
                apply(gateway, &Target { cause, from, to, manifest: &manifest, remote: None })
            }
            Err(error) => {
                nothing = Some(error);
                Ok(Outcome::Converged)
            }
        }
    });
    nothing.map_or(Ok(run), Err)
}

fn choose(
    gateway: &Gateway,
    history: &History,
    current: &Current,
    to: Option<u64>,
) -> Result<Generation, ManualRollbackError> {
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let have = generation::names(files, state).unwrap_or_default();
    let name = match current {
        Current::Whole(generation) => Some(generation.label.name()),
        Current::None | Current::Damaged { .. } => None,
    };
    let Some(release) = to else {
        let but: Vec<String> = name.into_iter().collect();
        return transaction::spare(gateway, history, &but)
            .ok_or(ManualRollbackError::None { have });
    };
    let mut of_release = have.iter().filter(|name| generation::release(name) == Some(release));
    let found = of_release.find_map(|name| transaction::whole(gateway, name));
    match found {
        Some(found) if Some(found.label.name()) == name => {
            Err(ManualRollbackError::InUse { release })
        }
        Some(found) => Ok(found),
        None => Err(ManualRollbackError::Unknown { release, have }),
    }
}

/// Lets everything be used again that is not. Returns what that is.
pub fn lift(gateway: &Gateway) -> Result<Vec<Rejected>, RunError> {
    let _held = lock(gateway)?;
    let (files, state) = (gateway.machine.files, &gateway.config.paths.state);
    let mut history = History::load(files, state);
    let lifted = std::mem::take(&mut history.rejected);
    if !lifted.is_empty() {
        history.save(files, state).map_err(RunError::Journal)?;
    }
    Ok(lifted)
}
