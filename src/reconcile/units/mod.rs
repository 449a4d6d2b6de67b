//! Units: the things a bundle asks of this host, a module for each kind of them.
//!
//! The module of a kind says what is wanted, what is seen, which steps lead from one to the other,
//! how they are carried out, what local policy allows, how well the unit is, and how people are
//! told. [`kind`] is the closed list of kinds. The rest knows units by their [`UnitId`] only:
//! [`decide`](decide()) puts steps in order, [`execute`](execute()) carries them out.
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
mod decide;
mod execute;
mod health;
mod kind;
mod policy;
mod seen;
mod step;

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
pub use decide::decide;
pub(super) use execute::execute;
pub use execute::{FailedStep, StepError};
pub use health::{Level, UnitHealth};
pub use kind::{Action, KINDS, Prior, Seen, Wanted};
pub(super) use kind::{health, ids};
pub(super) use policy::check;
pub use policy::{Forbidden, Local};
pub(super) use seen::observe;
pub use step::{Phase, Step, Steps};

use crate::primitives::UnitId;
