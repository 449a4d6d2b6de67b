//! The lab: a whole mesh on one machine, in namespaces, with the real programs.

mod init;
mod isolation;
mod parallel;
mod ping;
mod topology;
mod wiring;

pub use init::{InitError, ROOT, init};
pub use isolation::{Ended, IsolationError, Walls};
pub use ping::{Pair, Path, ping_all};
pub use topology::{GatewaySite, HostSite, Topology, TopologyError, Underlay};
pub use wiring::{GIT, INTERNET, Wiring, gateway_netns, host_netns};
