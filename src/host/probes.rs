//! Questions to tunnels and to whoever is at the far end of them.

mod echo;
mod icmp;
mod management;
mod parallel;

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use camino::Utf8PathBuf;
use time::OffsetDateTime;

use crate::primitives::Device;

pub(super) use management::answers;

/// Asks many at the same time: one that does not answer makes nobody wait for the others. Answers
/// stand in the order of the questions.
pub trait Probes {
    /// The state of the tunnels whose management sockets are these. No answer is an answer:
    /// [`TunnelState::Silent`].
    fn tunnels(&self, sockets: &[Utf8PathBuf]) -> Vec<TunnelState>;

    /// How long each target took to answer an ICMP echo request, `None` where it did not within
    /// `patience`. It is sent twice, so that one lost packet is no silence.
    fn echo(&self, targets: &[EchoTarget], patience: Duration) -> Vec<Option<Duration>>;

    /// Who accepts a TCP connection within `patience`. It is closed at once.
    fn connect(&self, addresses: &[SocketAddr], patience: Duration) -> Vec<bool>;
}

/// Who is to answer an ICMP echo request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EchoTarget {
    /// The address that has to answer.
    pub address: IpAddr,
    /// The tunnel that question and answer have to go through; `None` for wherever routes lead.
    pub device: Option<Device>,
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
    /// It does not answer the user that asks: OpenVPN talks to root and to nobody else.
    Closed,
}

/// Asks the processes and the network of this machine. Echo requests need CAP_NET_RAW
/// (capabilities(7)); nobody answers a process without it.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealProbes;

impl Probes for RealProbes {
    fn tunnels(&self, sockets: &[Utf8PathBuf]) -> Vec<TunnelState> {
        parallel::each(sockets, |socket| management::state(socket))
    }

    fn echo(&self, targets: &[EchoTarget], patience: Duration) -> Vec<Option<Duration>> {
        echo::echo(targets, patience)
    }

    fn connect(&self, addresses: &[SocketAddr], patience: Duration) -> Vec<bool> {
        parallel::each(addresses, |address| TcpStream::connect_timeout(address, patience).is_ok())
    }
}
