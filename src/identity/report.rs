//! What `tieline enroll --format json` prints.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Enrolled, Entry};
use crate::primitives::{Fingerprint, Name, PublicKey};

/// A gateway's identity, as enroll reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EnrollReport {
    /// The gateway.
    pub gateway: Name,
    /// The fingerprint of its certificate.
    pub fingerprint: Fingerprint,
    /// Its X25519 public key.
    pub public_key: PublicKey,
    /// The file with its private key.
    #[schemars(with = "String")]
    pub key: Utf8PathBuf,
    /// The file with its certificate.
    #[schemars(with = "String")]
    pub certificate: Utf8PathBuf,
    /// The file with the private half of the public key.
    #[schemars(with = "String")]
    pub tunnel_key: Utf8PathBuf,
    /// Whether one of the files was made just now.
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
            public_key: enrolled.public_key,
            key: enrolled.key,
            certificate: enrolled.certificate,
            tunnel_key: enrolled.tunnel_key,
            made: enrolled.made_key || enrolled.made_certificate || enrolled.made_tunnel_key,
            entry: entry.to_string(),
        }
    }
}
