//! The lab: a whole mesh on one machine, in namespaces, with the real programs.

mod addresses;
mod draft;
mod error;
mod gateways;
mod init;
mod isolation;
#[expect(clippy::module_inception, reason = "the lab is what this module is about")]
mod lab;
mod orders;
mod parallel;
mod ping;
mod places;
mod release;
mod report;
mod substitute;
mod topology;
mod tunnels;
mod wire;
mod wiring;

pub use error::LabError;
pub use init::{InitError, init};
pub use isolation::{Ended, IsolationError, Walls};
pub use lab::{Lab, Observer};
pub use orders::{MeshFiles, Orders};
pub use ping::{Pair, Path, ping_all};
pub use report::{LabReport, Phase, PhaseTime, Restarted, Restarts, Round, TunnelReport};
pub use topology::{GatewaySite, HostSite, Topology, TopologyError, Underlay};
pub use tunnels::ProcessIds;
pub use wiring::{GIT, INTERNET, Wiring, gateway_netns, host_netns};
