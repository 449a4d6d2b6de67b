//! The bundle: one gateway's artifacts and manifest as one deterministic `.tar.gz`.

mod build;
mod error;
mod gzip;
mod limits;
mod manifest;
mod pack;
mod unit;
mod unpack;
mod ustar;

pub use build::{Build, BuiltBundle};
pub use error::BundleError;
pub use limits::Limits;
pub use manifest::{FileEntry, Manifest, Route, Sysctl, Unit};
pub use pack::{Bundle, pack};
pub use unpack::{unpack, unpack_within};
