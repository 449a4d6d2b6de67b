//! Root metadata: the first root, and how one root follows another.

mod chain;
mod change;
mod edit;
mod names;
mod proposed;
mod signature_status;
mod summary;

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde_json::Map;

use super::signing::{draft, sign};
use super::{NewFile, RepositoryError, RootError};
use crate::primitives::Name;
use crate::tuf::client::{ExpiryCheck, Stored, Update};
use crate::tuf::metadata::{Roles, Root, Signed};
use crate::tuf::role_keys::RoleKeys;
use crate::tuf::{KeyId, Limits, PublicKey, Role, Signer, UtcTime};

pub use chain::TrustedRoot;
pub use change::Change;
pub use edit::{Edit, NamedKey};
pub use proposed::ProposedRoot;
pub use signature_status::SignatureStatus;
pub use summary::{KeySummary, RoleSummary, RootSummary};

/// What the first root says.
#[derive(Debug, Clone)]
pub struct RootTerms {
    /// The mesh whose releases it is for.
    pub mesh: Name,
    /// Who holds root.
    pub root: RoleTerms,
    /// Who holds targets: who makes releases.
    pub targets: RoleTerms,
    /// Who holds snapshot.
    pub snapshot: RoleTerms,
    /// Who holds timestamp.
    pub timestamp: RoleTerms,
    /// When it is signed.
    pub signed_at: UtcTime,
    /// When it expires.
    pub expires: UtcTime,
}

/// Who holds a role: any `threshold` of `keys` together.
#[derive(Debug, Clone)]
pub struct RoleTerms {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// How many of them must sign.
    pub threshold: NonZeroU64,
}

/// Makes version 1 of root metadata, signed by those of `signers` that hold the root role in it.
/// It comes as `1.root.json`, for clients of a repository, and again as `root.json`, for the
/// gateways to be provisioned with.
pub fn first_root(
    terms: &RootTerms,
    signers: &[&dyn Signer],
) -> Result<Vec<NewFile>, RepositoryError> {
    let signed = first(terms)?;
    let content = sign(&signed, &signed.body, signers)?;
    // Nothing leaves here that a gateway would not begin from.
    Update::begin(
        Stored::provisioned(content.clone()),
        ExpiryCheck::At(terms.signed_at),
        Limits::GATEWAY,
    )
    .map_err(RepositoryError::Refused)?;
    let paths = [Role::Root.path(Some(1)), Role::Root.path(None)];
    Ok(paths.into_iter().map(|path| NewFile { path, content: content.clone() }).collect())
}

/// The same, to be signed by people in different places, with what they call their keys.
pub fn first_proposed_root(
    terms: &RootTerms,
    names: &BTreeMap<KeyId, Name>,
) -> Result<ProposedRoot, RepositoryError> {
    let mut signed = first(terms)?;
    names::set(&mut signed.body, names);
    ProposedRoot::first(signed).map_err(RepositoryError::Root)
}

fn first(terms: &RootTerms) -> Result<Signed<Root>, RepositoryError> {
    let mut keys = BTreeMap::new();
    let roles = Roles {
        root: role_keys(Role::Root, &terms.root, &mut keys)?,
        timestamp: role_keys(Role::Timestamp, &terms.timestamp, &mut keys)?,
        snapshot: role_keys(Role::Snapshot, &terms.snapshot, &mut keys)?,
        targets: role_keys(Role::Targets, &terms.targets, &mut keys)?,
        other: Map::new(),
    };
    let mesh = Some(terms.mesh.clone());
    let body = Root { consistent_snapshot: true, keys, roles, mesh, other: Map::new() };
    draft(body, NonZeroU64::MIN, terms.expires, terms.signed_at)
}

/// Who holds `role` on the wire; their keys are added to `keys`.
fn role_keys(
    role: Role,
    terms: &RoleTerms,
    keys: &mut BTreeMap<KeyId, PublicKey>,
) -> Result<RoleKeys, RepositoryError> {
    let own: BTreeMap<_, _> = terms.keys.iter().map(|key| (key.id(), key.clone())).collect();
    let threshold = terms.threshold;
    if threshold.get() > own.len() as u64 {
        let keys = own.len();
        return Err(RepositoryError::Threshold {
            role: role.to_string(),
            keys,
            threshold: threshold.get(),
        });
    }
    let keyids = own.keys().cloned().collect();
    keys.extend(own);
    Ok(RoleKeys { keyids, threshold, other: Map::new() })
}
