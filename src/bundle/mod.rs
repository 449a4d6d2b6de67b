//! The bundle: one gateway's artifacts and manifest as one deterministic `.tar.gz`.

mod manifest;

pub use manifest::{FileEntry, Manifest, Route, Sysctl, Unit};
