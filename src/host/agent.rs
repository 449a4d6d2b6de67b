//! ssh-agent(1): a process that holds a person's private keys and signs with them.
//!
//! The protocol is small (draft-ietf-sshm-ssh-agent): a request and an answer, each a length and
//! that many bytes. Whatever answers is not believed: lengths and times are limited here, and
//! whoever asked for a signature has to verify it.

mod real;
mod wire;

use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::primitives::SshKey;

pub use real::RealAgent;

/// The agent that listens at a socket.
pub trait Agent {
    /// The public keys it has private keys of.
    fn keys(&self, socket: &Utf8Path) -> Result<Vec<SshKey>, AgentError>;

    /// Its signature over `message` by the ed25519 key `key`: 64 bytes that nobody has verified.
    fn sign(&self, socket: &Utf8Path, key: &SshKey, message: &[u8])
    -> Result<[u8; 64], AgentError>;
}

/// Why the agent gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Nobody listens there, or it hung up.
    #[error("cannot talk to the ssh agent at {socket}")]
    Talk {
        /// Its socket.
        socket: Utf8PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It takes too long.
    #[error("the ssh agent at {socket} did not answer within {limit:?}")]
    TimedOut {
        /// Its socket.
        socket: Utf8PathBuf,
        /// How long it was given.
        limit: Duration,
    },
    /// Its answer is longer than any that makes sense.
    #[error("the ssh agent at {socket} answers with more than {limit} bytes")]
    TooLarge {
        /// Its socket.
        socket: Utf8PathBuf,
        /// The most that is read.
        limit: u32,
    },
    /// It says no.
    #[error("the ssh agent refused: the key may be locked, or its owner said no")]
    Refused,
    /// Its answer means nothing.
    #[error("the ssh agent at {socket} answers with something that is no {wanted}")]
    Nonsense {
        /// Its socket.
        socket: Utf8PathBuf,
        /// What it should have been.
        wanted: &'static str,
    },
}
