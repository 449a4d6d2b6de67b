//! Every choice: numbers become addresses, devices, ports, roles and next hops.
//!
//! A plan is a graph: gateways with their uplinks, tunnels with two ends each, and for every gateway
//! the next hop to every prefix. What comes after reads this graph; the plan of one gateway is a
//! view of it.

mod build;
mod difference;
mod graph;
mod next_hops;
mod numbers;
mod roles;
mod view;

pub use build::plan;
pub use difference::{GatewayDifference, PlanDifference};
pub use graph::{
    End, Gateway, GatewayIndex, LanIndex, NextHop, Plan, Reason, Side, TlsRole, Tunnel,
    TunnelIndex, Uplink,
};
pub use numbers::{TUNNEL_MTU, device, listening_port, mesh_address};
pub use view::{Connect, GatewayPlan, GatewayTunnel, Route};
