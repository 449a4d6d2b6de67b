//! From one generation to another and, where that does not go well, back again.
//!
//! What is going to be done is written into the [`Journal`] before it is done. So whatever cuts a
//! run off, the next one finds what it was at, and [`recovery_for`] says what to do about it.

mod apply;
mod confirm;
mod converge;
mod history;
mod in_use;
mod journal;
mod journal_format_1;
mod pending;
mod recover;
mod recovery_table;
mod rollback;
mod rollback_target;

pub(super) use apply::{Target, apply};
pub(super) use converge::converge;
pub use history::{History, Rejected};
pub(super) use in_use::in_use;
pub use journal::{Journal, JournalFile, Origin, Phase};
pub use pending::Pending;
pub(super) use recover::{recover, restore_link};
pub use recovery_table::{Interruption, Linked, Recovery, recovery_for};
pub(super) use rollback_target::{spare, whole};
