//! Units: the things a bundle asks of this host, a module for each kind of them.
//!
//! The module of a kind says what is wanted, what is seen, which steps lead from one to the other,
//! how they are carried out, what local policy allows, how well the unit is, and how people are
//! told. It builds on what is the same for all of them: `step`, `executor`, `policy`, `count`,
//! `applied` and `health`. [`kind`] is the closed list of kinds. What stands above it knows units by
//! their [`UnitId`] only: [`decide`](decide()) puts steps in order, [`execute`](execute()) carries
//! them out.
//!
//! Kinds stand in layers. A unit may need units of the layers below it and of no other:
//!
//! ```text
//! sysctl   nftables
//! link                 a device: its address, MTU and owner
//! tunnel               what moves packets through a link: an OpenVPN process
//! routes               which packets go into which link
//! ```

mod applied;
mod changes;
mod check;
mod count;
mod decide;
mod execute;
mod executor;
mod health;
mod kind;
mod need;
mod policy;
mod processes;
mod seen;
mod step;
mod steps;

pub mod link;
pub mod nftables;
#[cfg(test)]
#[expect(missing_docs, clippy::must_use_candidate, reason = "only tests have it")]
pub mod relay;
pub mod routes;
pub mod sysctl;
pub mod tunnel;

pub use applied::{Applied, Note};
pub use changes::Changes;
pub(super) use check::check;
pub use decide::decide;
pub use execute::FailedStep;
pub(super) use execute::execute;
pub use executor::StepError;
pub use health::{Level, UnitHealth};
pub use kind::{Action, KINDS, Prior, Seen, Step, Wanted};
pub(super) use kind::{health, ids, needs};
pub use need::Need;
pub use policy::{Forbidden, Local};
pub(super) use seen::observe;
pub use step::Phase;
pub use steps::Steps;

use crate::primitives::UnitId;
