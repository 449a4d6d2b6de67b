//! What people look at.

mod findings_json;
mod findings_text;
mod lock_report;
mod position;
mod release_report;
mod root_report;
mod source;
mod verify_report;

pub use findings_json::{FindingEntry, FindingsReport, PlaceEntry, SeverityText};
pub use findings_text::{findings_text, summary};
pub use lock_report::{LockEntry, LockReport};
pub use release_report::{
    KeyEntry, KeysReport, MissingSignatures, ReleaseReport, TeamEntry, TeamsReport,
};
pub use root_report::{HolderEntry, NeedEntry, ProposalEntry, RoleEntry, RootEntry, RootReport};
pub use source::{Source, Sources};
pub use verify_report::{BundleEntry, SignedEntry, VerifyReport};

/// A number of things, such as "1 tunnel" or "2 tunnels".
#[must_use]
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
