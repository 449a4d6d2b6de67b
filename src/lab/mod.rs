//! The lab: a whole mesh on one machine, in namespaces, with the real programs.

mod error;
mod init;
mod isolation;
mod orders;
mod parallel;
mod ping;
mod places;
mod report;
mod substitute;
mod topology;
mod wire;
mod wiring;

pub use error::LabError;
pub use init::{InitError, init};
pub use isolation::{Ended, IsolationError, Walls};
pub use orders::{MeshFiles, Orders};
pub use ping::{Pair, Path, ping_all};
pub use report::{LabReport, Phase, PhaseTime, Restarted, Restarts, Round, TunnelReport};
pub use topology::{GatewaySite, HostSite, Topology, TopologyError, Underlay};
pub use wiring::{GIT, INTERNET, Wiring, gateway_netns, host_netns};
