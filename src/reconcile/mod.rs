//! What runs on a gateway: fetch, verify, stage, switch, reload.
//!
//! [`decide`] is pure: it compares what is [`Seen`] with what a generation has [`Wanted`] and hands
//! back the steps between them. Everything that has an effect goes through the traits of
//! [`host`](crate::host).

mod applied;
mod candidate;
mod config;
mod decide;
mod generation;
mod policy;
mod stage;
mod wanted;

pub use applied::Applied;
pub use candidate::{Candidate, Local, Refusal};
pub use config::{ConfigError, GatewayConfig, Paths, Policy, ServiceManager};
pub use decide::{Seen, Step, Steps, decide};
pub use generation::{Current, Generation, Label, current};
pub use policy::Forbidden;
pub use stage::{prune, stage, switch};
pub use wanted::{Ruleset, Tunnel, Wanted};
