//! Releases from remotes: fetched, verified, remembered.

mod backoff;
mod error;
mod floor;
mod metadata;
mod newest;
mod remote_files;
mod splay;

pub use backoff::{Backoff, FailingHost};
pub use error::ReleaseError;
pub use metadata::MetadataDirectory;
pub(super) use metadata::load as load_metadata;
pub(super) use newest::{NewestBundle, newest};
pub(super) use remote_files::reaches;
pub use splay::splay;
