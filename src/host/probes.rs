//! Questions to a running tunnel.

mod management;

use camino::Utf8Path;
use time::OffsetDateTime;

pub use management::Management;
pub(super) use management::answers;

/// Asks the process of a tunnel how it is.
pub trait Probes: Sync {
    /// The state of the tunnel whose management socket is at `socket`. No answer is an answer:
    /// [`TunnelState::Silent`].
    fn tunnel(&self, socket: &Utf8Path) -> TunnelState;
}

/// How a tunnel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TunnelState {
    /// The far end has answered and traffic flows.
    Connected {
        /// Since when.
        since: OffsetDateTime,
    },
    /// It is trying. The word is OpenVPN's (doc/management-notes.txt, "state").
    Connecting {
        /// OpenVPN's name for the state, such as `WAIT` or `RECONNECTING`.
        state: String,
    },
    /// The process does not answer.
    Silent,
}
