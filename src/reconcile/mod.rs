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
mod counts;
mod decide;
mod error;
mod execute;
mod exporter;
mod floor;
mod gateway;
mod generation;
pub mod health;
mod hold;
mod last_run;
mod mend;
mod metadata;
mod metrics;
mod newest;
mod observe;
mod policy;
mod preview;
mod report;
mod restore;
mod run;
mod served;
mod session;
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
pub use counts::{Counts, Drift};
pub use decide::{Seen, Step, Steps, decide};
pub use error::{Alarm, ReleaseError, RunError};
pub use execute::{FailedStep, StepError};
pub use gateway::{Gateway, Machine, OnDrift};
pub use generation::{Current, Generation, Label, current};
pub use hold::{Hold, ReasonError};
pub use last_run::{LastRun, Outcome};
pub use metadata::MetadataDirectory;
pub use metrics::metrics;
pub use policy::Forbidden;
pub use preview::{Kind as MoveKind, Move, Preview, preview};
pub use report::{Installed, Report};
pub use restore::RestoreError;
pub use run::run;
pub use splay::splay;
pub use status::{
    ClockStatus, FailingRemote, InUse, Metadata, Questions, State, Status, TunnelStatus, status,
};
pub use transaction::{
    ByHandError, Cause, Found, History, Journal, Linked, Origin, Pending, Phase, Recovery,
    Rejected, Situation, forget, lift, put_back, roll_back_by_hand, way_out,
};
pub use wanted::{Ruleset, Tunnel, Wanted};
