//! Metadata on their way to enough signatures.
//!
//! One role may be held by people and machines in different places. So what is to be signed can
//! leave as bytes, signatures come back one by one, and none is added that does not verify.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::envelope::{Wire, signed_by};
use super::metadata::{Body, Root, Signed};
use super::role_keys::Authority;
use super::{KeyId, MetadataError, PublicKey, Role, Signer, SignerError};

/// Metadata of one role, with the signatures that are there so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    role: Role,
    signed: Value,
    message: Vec<u8>,
    signatures: BTreeMap<KeyId, String>,
}

impl Draft {
    /// `signed`, with no signature yet.
    pub(super) fn of<T: Body>(signed: &Signed<T>) -> Result<Self, SignerError> {
        let signed = serde_json::to_value(signed).map_err(|_| SignerError::Encode)?;
        let message = super::json::canonical(&signed);
        Ok(Self { role: T::ROLE, signed, message, signatures: BTreeMap::new() })
    }

    /// Reads a metadata file that should be of `role`, whoever has signed it. Nothing of it is
    /// true yet: its signatures are looked at where somebody asks who has signed.
    pub fn read(bytes: &[u8], role: Role) -> Result<Self, MetadataError> {
        let wire = Wire::read(bytes, role, super::Limits::GATEWAY.signatures)?;
        let message = super::json::canonical(&wire.signed);
        let signatures = wire.signatures.into_iter().map(|by| (by.keyid, by.sig)).collect();
        Ok(Self { role, signed: wire.signed, message, signatures })
    }

    /// Whose metadata it is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Exactly the bytes that are signed: the canonical form of what stands under `signed`. It
    /// begins with `{`, so it is never what an SSH key signs for another purpose (those begin
    /// with the length of a session id, or with `SSHSIG`).
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The signatures, by the ids of their keys; not verified.
    pub fn signatures(&self) -> impl Iterator<Item = (&KeyId, &str)> {
        self.signatures.iter().map(|(id, signature)| (id, signature.as_str()))
    }

    /// Has `signer` sign, and adds its signature under `id` if it verifies.
    pub fn sign(&mut self, id: &KeyId, signer: &dyn Signer) -> Result<(), SignerError> {
        let signature = signer.sign(&self.message)?;
        self.add(id, signer.public(), &signature)
    }

    /// Adds a signature by `key`, in hexadecimal, under `id`, if it verifies.
    pub fn add(&mut self, id: &KeyId, key: &PublicKey, signature: &str) -> Result<(), SignerError> {
        if !key.verifies(&self.message, signature) {
            return Err(SignerError::Wrong { key: id.clone() });
        }
        self.signatures.insert(id.clone(), signature.to_owned());
        Ok(())
    }

    /// Adds a signature by `key` as other programs write it (see [`PublicKey::signature_in`]) under
    /// `id`, if it verifies.
    pub fn import(
        &mut self,
        id: &KeyId,
        key: &PublicKey,
        signature: &[u8],
    ) -> Result<(), SignerError> {
        let wrong = || SignerError::Wrong { key: id.clone() };
        let signature = key.signature_in(&self.message, signature).ok_or_else(wrong)?;
        self.add(id, key, &signature)
    }

    /// What would be signed, for whoever is asked to sign it: nobody vouches for it yet.
    pub(super) fn content<T: Body>(&self) -> Result<Signed<T>, MetadataError> {
        Ok(serde_json::from_value(self.signed.clone())?)
    }

    /// Which keys that hold the role in `root` have signed it validly, each once.
    pub(super) fn signed_by(&self, root: &Root) -> Vec<&KeyId> {
        self.signed_under(root.authority(self.role))
    }

    /// Which keys of `authority` have signed it validly, each once.
    pub(super) fn signed_under(&self, authority: Authority) -> Vec<&KeyId> {
        signed_by(authority, &self.message, self.signatures()).into_values().collect()
    }

    /// The metadata file. The same content and signatures give the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SignerError> {
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|(id, signature)| json!({ "keyid": id, "sig": signature }))
            .collect();
        let wire = json!({ "signatures": signatures, "signed": self.signed });
        let mut bytes = serde_json::to_vec_pretty(&wire).map_err(|_| SignerError::Encode)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Makes a metadata file of `signed`, with one signature by each of `signers` under the id its
/// key has in `ids`. The same arguments give the same bytes.
pub(super) fn seal<T: Body>(
    signed: &Signed<T>,
    signers: &[(KeyId, &dyn Signer)],
) -> Result<Vec<u8>, SignerError> {
    let mut draft = Draft::of(signed)?;
    for (id, signer) in signers {
        draft.sign(id, *signer)?;
    }
    draft.to_bytes()
}
