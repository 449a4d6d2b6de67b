//! Small values that every layer speaks of: names, numbers, digests, paths, artifact sets.
//!
//! Each is a type of its own that can only hold what is valid ("parse, don't validate"), so no
//! layer above checks again.

mod artifacts;
mod authority;
mod device;
mod difference;
mod digest;
mod error_chain;
mod fingerprint;
mod name;
mod number;
mod path;
pub mod pem;
mod printable;
mod public_key;
mod schema;
pub mod ssh;
mod unit_id;

pub use artifacts::ArtifactSet;
pub use authority::{Authority, port};
pub use device::{Device, DeviceError};
pub use difference::Difference;
pub use digest::{Digest, DigestError};
pub use error_chain::error_chain;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use name::{Name, NameError};
pub use number::{GatewayNumber, NumberError};
pub use path::{ArtifactPath, ArtifactPathError};
pub use printable::{Printable, is_plain};
pub use public_key::{PublicKey, PublicKeyError};
pub use schema::schema_text;
pub use ssh::SshKey;
pub use unit_id::{UnitId, UnitIdError};

/// Implements serde for a type by its `FromStr` and `Display`: text in every format of ours.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
use serde_as_text;
