//! The client workflow (TUF specification §5): what a gateway does with what a remote serves.
//!
//! There is no input or output here. [`Update`] says which file it wants and is given its bytes;
//! the time is an argument. What comes out is a value that nothing else can make.

mod checks;
mod expiry;
mod file;
mod release;
mod search;
mod steps;
mod stored;
mod update;

pub(super) use expiry::ExpiryCheck;
pub use expiry::Validity;
pub use file::VerifiedFile;
pub use release::{Description, VerifiedBundle, VerifiedRelease, VerifiedTarget};
pub(super) use release::{describe, storage_path, target_path};
pub use stored::{Change, Stored};
pub use update::{Request, Update};
