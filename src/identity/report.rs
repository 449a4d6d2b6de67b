//! What `tieline enroll --format json` prints.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Enrolled, Entry};
use crate::primitives::{Fingerprint, Name};

/// A gateway's identity, as enroll reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnrollReport {
    /// The gateway.
    pub gateway: Name,
    /// The fingerprint of its certificate.
    pub fingerprint: Fingerprint,
    /// The file with its private key.
    #[schemars(with = "String")]
    pub key: Utf8PathBuf,
    /// The file with its certificate.
    #[schemars(with = "String")]
    pub certificate: Utf8PathBuf,
    /// Whether either file was made just now.
    pub made: bool,
    /// The lines for mesh.yaml.
    pub entry: String,
}

impl EnrollReport {
    /// The report of what `enrolled` is and of its `entry`.
    #[must_use]
    pub fn new(enrolled: Enrolled, entry: &Entry) -> Self {
        Self {
            gateway: entry.gateway.clone(),
            fingerprint: enrolled.fingerprint,
            key: enrolled.key,
            certificate: enrolled.certificate,
            made: enrolled.made_key || enrolled.made_certificate,
            entry: entry.to_string(),
        }
    }
}
