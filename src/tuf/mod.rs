//! Trust: a TUF repository and the client workflow that verifies it (specification 1.0.x).
//!
//! Everything here is about bytes: nothing reads a file, asks for the time or talks to a network.
//! [`Update`] is what gateways run, [`repository`] what people and CI run.
//!
//! From the bottom up, each knowing only what stands before it:
//!
//! - how things are written: `hex`, `json`, `time`, `pattern`, and how much is read: `limits`
//! - who signs: `role`, `role_name`, `verifier`, `key`, `role_keys`
//! - what is signed: `hashes`, `delegations`, `metadata`, `error`, `envelope`
//! - signing: `signer`, `passphrase`, `key_pair`, `draft`
//! - `client`: what a gateway does with what a remote serves
//! - [`repository`]: making what it accepts

mod client;
mod delegations;
mod draft;
mod envelope;
mod error;
mod hashes;
mod hex;
mod json;
mod key;
mod key_pair;
mod limits;
mod metadata;
mod passphrase;
mod pattern;
pub mod repository;
mod role;
mod role_keys;
mod role_name;
mod signer;
mod time;
mod verifier;

pub use client::{
    Change, Description, Request, Stored, Update, Validity, VerifiedBundle, VerifiedFile,
    VerifiedRelease, VerifiedTarget,
};
pub use draft::Draft;
pub use error::{MetadataError, TooFew, TrustError, TrustErrorKind};
use hashes::Hashes;
pub use hex::encode as to_hex;
pub use key::{KeyId, PublicKey, PublicKeyError};
pub use key_pair::KeyPair;
pub use limits::Limits;
pub use role::Role;
pub use role_name::{RoleName, RoleNameError};
pub use signer::{Signer, SignerError};
pub use time::{TimeError, UtcTime};
