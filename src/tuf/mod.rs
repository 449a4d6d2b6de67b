//! Trust: a TUF repository and the client workflow that verifies it (specification 1.0.x).
//!
//! Everything here is about bytes: nothing reads a file, asks for the time or talks to a network.
//! [`Update`] is what gateways run.

mod client;
mod draft;
mod envelope;
mod error;
mod hashes;
mod hex;
mod json;
mod key;
mod limits;
mod metadata;
pub mod repository;
mod role;
mod signer;
mod time;
mod verifier;

pub use client::{
    Description, Request, Stored, Update, Validity, VerifiedBundle, VerifiedRelease, VerifiedTarget,
};
pub use draft::Draft;
pub use error::{MetadataError, TooFew, TrustError, TrustErrorKind};
use hashes::Hashes;
pub use key::{KeyId, PublicKey, PublicKeyError};
pub use limits::Limits;
pub use role::Role;
pub use signer::{KeyPair, Signer, SignerError};
pub use time::{TimeError, UtcTime};
