//! Every choice: numbers become addresses, devices, ports, roles and routes.

mod types;

pub use types::{Connect, GatewayPlan, Plan, Route, TlsRole, Tunnel};
