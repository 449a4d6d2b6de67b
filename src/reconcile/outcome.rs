//! How a run ended that did all it could.

use std::fmt;

use super::hold::Hold;
use super::units::Forbidden;
use crate::primitives::error_chain;

/// How a run ended that did all it could. Only the first is what everybody wants; none is a failure of
/// the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The newest release for this gateway is in use, or what somebody went back to.
    Converged,
    /// An administrator does not want releases to be applied for now.
    OnHold(Hold),
    /// The newest release did not prove healthy here, now or in an earlier run; the one before
    /// runs.
    RolledBack {
        /// The release.
        release: u64,
        /// What was wrong with it.
        reason: String,
    },
    /// A generation that an administrator went back to did not prove healthy; what was there before
    /// runs again.
    Undone {
        /// The release.
        release: u64,
        /// What was wrong with it.
        reason: String,
    },
    /// Local policy has come to forbid what is in use, which runs on.
    NoLongerAllowed {
        /// The release.
        release: u64,
        /// What it is.
        forbidden: Forbidden,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Converged => f.write_str("converged"),
            Self::OnHold(hold) => hold.fmt(f),
            Self::RolledBack { release, reason } => {
                write!(f, "release {release} failed here and was rolled back: {reason}")
            }
            Self::Undone { release, reason } => {
                write!(f, "going back to release {release} failed, so it was undone: {reason}")
            }
            Self::NoLongerAllowed { release, forbidden } => write!(
                f,
                "release {release}, which is in use, asks for what this gateway no longer \
                 allows: {}",
                error_chain(forbidden)
            ),
        }
    }
}
