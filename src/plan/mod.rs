//! Every choice: numbers become addresses, devices, ports, roles and routes.

mod choose;
mod numbers;
mod types;

pub use choose::plan;
pub use numbers::{TUNNEL_MTU, listening_port, mesh_address};
pub use types::{Connect, GatewayPlan, Plan, Route, TlsRole, Tunnel};
