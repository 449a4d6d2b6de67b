//! Why something is no bundle.

use crate::primitives::{ArtifactPath, ArtifactPathError};

/// What is wrong with bytes that should be a bundle. Nothing of them is used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// More than a gateway reads: see [`Limits`](super::Limits).
    #[error("the bundle has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much of it may be there.
        limit: usize,
    },
    /// The gzip wrapping is not the one Tieline writes, or is damaged.
    #[error("the bundle is not the gzip file that Tieline writes: {0}")]
    Gzip(&'static str),
    /// The archive ends in the middle of an entry or without its end mark.
    #[error("the archive in the bundle is cut short")]
    Truncated,
    /// Bytes after the archive's end.
    #[error("the archive in the bundle has bytes after its end")]
    TrailingBytes,
    /// An entry whose header is not the one header that Tieline writes for it.
    #[error("entry {entry:?} of the bundle: {problem}")]
    Header {
        /// Its name, as far as it can be shown.
        entry: String,
        /// What is wrong with the header.
        problem: &'static str,
    },
    /// An entry whose name could lead outside the generation, or be mistaken for another.
    #[error("entry {entry:?} of the bundle has a name that is not allowed")]
    Path {
        /// Its name, as far as it can be shown.
        entry: String,
        /// The rule it breaks.
        source: ArtifactPathError,
    },
    /// Two entries of one name.
    #[error("{0} stands in the bundle twice")]
    Duplicate(ArtifactPath),
    /// The archive holds the right files in another order or with other directories or padding.
    #[error("the archive in the bundle is not laid out as Tieline does it")]
    Layout,
    /// The first entry is not the manifest.
    #[error("the bundle does not begin with bundle.json")]
    NoManifest,
    /// A manifest in a format of another version of Tieline.
    #[error("bundle.json has format {found}, and this version of Tieline reads format {known}")]
    Format {
        /// The format it has.
        found: u64,
        /// The format that is known.
        known: u32,
    },
    /// The manifest is no manifest.
    #[error("bundle.json is not a manifest")]
    Manifest(#[source] serde_json::Error),
    /// The manifest says what it says in another way than Tieline does: a key twice, other
    /// spacing, another order.
    #[error("bundle.json is not written as Tieline writes it")]
    Spelling,
    /// A file that the manifest does not list.
    #[error("{0} is in the bundle but not in its bundle.json")]
    NotListed(ArtifactPath),
    /// A listed file that is not there.
    #[error("{0} is in bundle.json but not in the bundle")]
    Missing(ArtifactPath),
    /// A file whose length or digest is not the listed one.
    #[error("{0} is not the file that bundle.json lists: its length or digest differs")]
    Altered(ArtifactPath),
    /// Units that contradict one another or the files.
    #[error("unit {unit} of bundle.json {problem}")]
    Unit {
        /// Its name.
        unit: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}
