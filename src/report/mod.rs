//! What people look at.

mod findings_json;
mod findings_text;
mod lock_report;
mod position;
mod release_report;
mod source;

pub use findings_json::{FindingEntry, FindingsReport, PlaceEntry, SeverityText};
pub use findings_text::{findings_text, summary};
pub use lock_report::{LockEntry, LockReport};
pub use release_report::{KeyEntry, KeysReport, ReleaseReport};
pub use source::{Source, Sources};
