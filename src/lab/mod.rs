//! The lab: a whole mesh on one machine, in namespaces, with the real programs.

mod parallel;
mod topology;
mod wiring;

pub use topology::{GatewaySite, HostSite, Topology, TopologyError, Underlay};
pub use wiring::{GIT, INTERNET, Wiring, gateway_netns, host_netns};
