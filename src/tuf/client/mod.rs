//! The client workflow (TUF specification §5): what a gateway does with what a remote serves.
//!
//! There is no input or output here. [`Update`] says which file it wants and is given its bytes;
//! the time is an argument. What comes out is a value that nothing else can make.
//!
//! From the bottom up: `request`, `stored`, `expiry`, `checks`, `search`; what is verified in the end
//! in `file` and `release`; `update` is the state of an update, `steps` and `delegated` are the
//! numbered steps of the specification, and `workflow` goes through them.

mod checks;
mod delegated;
mod expiry;
mod file;
mod release;
mod request;
mod search;
mod steps;
mod stored;
mod update;
mod workflow;

pub(super) use expiry::ExpiryCheck;
pub use expiry::Validity;
pub use file::VerifiedFile;
pub use release::{Description, VerifiedBundle, VerifiedRelease, VerifiedTarget};
pub(super) use release::{describe, storage_path, target_path};
pub use request::Request;
pub use stored::{Change, Stored};
pub use update::Update;
