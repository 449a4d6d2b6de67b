//! From one generation to another and, where that does not go well, back again.
//!
//! What is going to be done is written into the [`Journal`] before it is done. So whatever cuts a
//! run off, the next one finds what it was at, and [`way_out`] says what to do about it.

mod back;
mod by_hand;
mod carry_out;
mod confirm;
mod history;
mod journal;
mod pending;
mod recover;
mod recovery;
mod roll_back;

pub(super) use back::spare;
pub use by_hand::{ByHandError, lift, roll_back_by_hand};
pub(super) use carry_out::{Plan, carry_out};
pub use history::{History, Rejected};
pub use journal::{Cause, Found, Journal, Origin, Phase};
pub use pending::Pending;
pub(super) use recover::recover;
pub use recover::{forget, put_back};
pub use recovery::{Linked, Recovery, Situation, way_out};
