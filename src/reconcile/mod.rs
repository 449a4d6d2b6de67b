//! What runs on a gateway: fetch, verify, stage, switch, reload.
//!
//! [`decide`] is pure: it compares what is [`Seen`] with what a generation has [`Wanted`] and hands
//! back the steps between them. Everything that has an effect goes through the traits of
//! [`host`](crate::host).

mod applied;
mod aside;
mod candidate;
mod changes;
mod config;
mod converge;
mod decide;
mod error;
mod execute;
mod generation;
pub mod health;
mod hold;
mod last_run;
mod metadata;
mod newest;
mod observe;
mod policy;
mod report;
mod restore;
mod run;
mod splay;
mod stage;
mod status;
mod transaction;
mod wanted;

pub use applied::Applied;
pub use aside::{Failing, SetAside};
pub use candidate::{Candidate, Local, Refusal};
pub use changes::Changes;
pub use config::{ConfigError, Confirm, GatewayConfig, Hook, LogTo, Paths, Policy, ServiceManager};
pub use decide::{Seen, Step, Steps, decide};
pub use error::{Alarm, RunError};
pub use execute::StepError;
pub use generation::{Current, Generation, Label, current};
pub use hold::{Hold, ReasonError};
pub use last_run::{LastRun, Outcome};
pub use metadata::MetadataDirectory;
pub use newest::ReleaseError;
pub use policy::Forbidden;
pub use report::{Installed, Report};
pub use restore::RestoreError;
pub use run::{Gateway, Machine, run};
pub use splay::splay;
pub use status::{
    ClockStatus, FailingRemote, InUse, Metadata, Questions, State, Status, TunnelStatus, status,
};
pub use transaction::{
    ByHandError, Cause, Found, History, Journal, Linked, Origin, Pending, Phase, Recovery,
    Rejected, Situation, forget, lift, put_back, roll_back_by_hand, way_out,
};
pub use wanted::{Ruleset, Tunnel, Wanted};
