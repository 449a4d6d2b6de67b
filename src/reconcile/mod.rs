//! What runs on a gateway: fetch, verify, stage, switch, reload.

mod config;

pub use config::{ConfigError, GatewayConfig, Paths, Policy, ServiceManager};
