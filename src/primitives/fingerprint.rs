//! Certificate fingerprints.

use std::fmt;
use std::str::FromStr;

use super::{Digest, pem, serde_as_text};

/// The SHA-256 fingerprint of a gateway's certificate: of its DER form, as
/// `openssl x509 -fingerprint -sha256` and OpenVPN's `peer-fingerprint` have it.
///
/// Written `SHA256:` and 32 upper-case pairs with colons between them, which is what both of
/// those print; read in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Digest);

/// A text that is not a certificate fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate fingerprint is SHA256: and 32 hexadecimal pairs with colons between them, \
     as `tieline enroll` prints it"
)]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a certificate in DER form.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Self {
        Self(Digest::of(der))
    }

    /// The fingerprint of the first certificate in a PEM text; `None` where there is none.
    #[must_use]
    pub fn of_pem(text: &str) -> Option<Self> {
        pem::certificate(text).map(|der| Self::of_der(&der))
    }

    /// The pairs without the `SHA256:` in front, as OpenVPN wants them.
    #[must_use]
    pub fn pairs(&self) -> String {
        let pairs: Vec<_> = self.0.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let pairs = text.strip_prefix("SHA256:").ok_or(FingerprintError)?;
        if pairs.split(':').any(|pair| pair.len() != 2) {
            return Err(FingerprintError);
        }
        let hex = pairs.replace(':', "").to_ascii_lowercase();
        hex.parse().map(Self).map_err(|_| FingerprintError)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", self.pairs())
    }
}

serde_as_text!(Fingerprint);

impl schemars::JsonSchema for Fingerprint {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fingerprint".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "SHA-256 fingerprint of a gateway's certificate, as `tieline enroll` prints it",
            "pattern": "^SHA256:[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_in_either_case() {
        let fingerprint = Fingerprint::of_der(b"certificate");
        let text = fingerprint.to_string();
        assert_eq!(text.len(), "SHA256:".len() + 32 * 3 - 1);
        assert_eq!(text.parse(), Ok(fingerprint));
        let lower = text.to_lowercase().replace("sha256", "SHA256");
        assert_eq!(lower.parse(), Ok(fingerprint));
    }

    #[test]
    fn refuses_everything_else() {
        let good = Fingerprint::of_der(b"").to_string();
        let without_prefix = good.replace("SHA256:", "");
        let without_colons = format!("SHA256:{}", without_prefix.replace(':', ""));
        let short = &good[..good.len() - 3];
        for bad in ["", "SHA256:", &without_prefix, &without_colons, short, &format!("{good}:00")] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad:?}");
        }
    }
}
