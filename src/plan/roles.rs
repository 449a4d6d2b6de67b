//! Who begins the handshake.

use super::{TlsRole, Uplink};

/// The roles of both ends of a tunnel. The end that nobody can reach has to begin; between two that
/// can be reached it is the higher number, so that the answer is the same whoever asks.
pub(super) fn roles([lower, higher]: [&Uplink; 2]) -> [TlsRole; 2] {
    let lower_begins = match (&lower.endpoint, &higher.endpoint) {
        (None, Some(_)) => true,
        (Some(_), _) | (None, None) => lower.number > higher.number,
    };
    if lower_begins {
        [TlsRole::Client, TlsRole::Server]
    } else {
        [TlsRole::Server, TlsRole::Client]
    }
}
