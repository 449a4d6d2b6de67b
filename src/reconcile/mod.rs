//! What runs on a gateway: fetch, verify, stage, switch, reload.
//!
//! In reading order, each knowing only those before it: [`units`] are what a bundle asks for, and how
//! a host becomes that; `host_check` looks for what that needs; [`fetch`] brings releases; [`generation`] keeps them on the disk; [`health`]
//! measures; [`transaction`] goes from one generation to another, and back; [`status`] tells; [`run`]
//! is one run of cron. Everything that has an effect goes through the traits of
//! [`host`](crate::host).

mod cause;
mod config;
mod error;
mod events;
mod fetch;
mod gateway;
mod generation;
pub mod health;
mod hold;
mod host_check;
mod machine;
mod outcome;
mod run;
mod status;
mod transaction;
pub mod units;

pub use cause::Cause;
pub use config::{
    Check, ConfigError, Confirm, GatewayConfig, Hook, LogTo, MOST_CHECKS, Paths, Policy,
    ServiceManager,
};
pub use error::{Alarm, RunError};
pub use events::{Event, Events, Installed};
pub use fetch::{Backoff, FailingHost, MetadataDirectory, ReleaseError, splay};
pub use gateway::{Gateway, OnDrift};
pub use generation::{Candidate, Current, Generation, Label, Refusal, RestoreError, current};
pub use hold::{Hold, ReasonError};
pub use host_check::{Lack, Lacks};
pub use machine::Machine;
pub use outcome::Outcome;
pub use run::{
    ManualRollbackError, Move, Preview, PreviewPhase, Run, forget_transaction, lift, preview,
    recover_link, roll_back_manually, run,
};
pub use status::{
    ClockStatus, Counts, Drift, FailingRemote, InUse, LastRun, Metadata, OutcomeKind, Report,
    State, Status, TunnelStatus, metrics, status,
};
pub use transaction::{
    History, Interruption, Journal, JournalFile, Linked, Origin, Pending, Phase, Recovery,
    Rejected, recovery_for,
};
pub use units::Forbidden;
