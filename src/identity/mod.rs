//! A gateway's own key pair: made on the gateway, and the private half never leaves it.

mod certificate;
mod enroll;
mod entry;
mod report;
mod tunnel_key;

pub use enroll::{Enrolled, IdentityError, check, enroll};
pub use entry::Entry;
pub use report::EnrollReport;
