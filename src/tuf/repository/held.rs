//! A release on its way to enough signatures.
//!
//! Each file names the one before it with its signatures, so they are signed one after the other:
//! targets, snapshot, timestamp. A file that lacks signatures is held, until others have signed;
//! nothing of it is in `metadata/` before the last one is complete.

use std::collections::BTreeMap;

use super::release::{described, next_snapshot, next_timestamp};
use super::signing::{among, draft, next_version};
use super::{Audit, NewFile, ReleaseTerms, RepositoryError};
use crate::tuf::metadata::{Body, Signed, Snapshot, Targets, Timestamp};
use crate::tuf::{Draft, KeyId, MetadataError, PublicKey, Role, Signer, TrustError, UtcTime};

/// Files of a release that nobody accepts yet, each but the last with enough signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    drafts: Vec<Draft>,
}

/// Whose signatures a held file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Whose metadata it is.
    pub role: Role,
    /// How many must sign.
    pub needed: u64,
    /// Who has.
    pub signed: Vec<KeyId>,
    /// Who may.
    pub others: Vec<KeyId>,
}

/// The roles whose metadata a release is, in the order in which they are signed.
const ORDER: [Role; 3] = [Role::Targets, Role::Snapshot, Role::Timestamp];

impl From<Missing> for RepositoryError {
    fn from(missing: Missing) -> Self {
        let Missing { role, needed, signed, others } = missing;
        let found = signed.len() as u64;
        Self::MissingKeys {
            role,
            found,
            needed,
            holders: signed.into_iter().chain(others).collect(),
        }
    }
}

impl Held {
    /// Begins with the first file.
    pub(super) fn begin<T: Body>(signed: &Signed<T>) -> Result<Self, RepositoryError> {
        Ok(Self { drafts: vec![Draft::of(signed)?] })
    }

    /// The paths in a repository at which a release that follows `previous` may be held.
    #[must_use]
    pub fn paths(previous: &Audit) -> Vec<String> {
        ORDER
            .into_iter()
            .filter_map(|role| Some(place(role, version(previous, role).ok()?)))
            .collect()
    }

    /// What is held in a repository after `previous`. `read` gives the bytes at a path.
    pub fn read<E: From<RepositoryError>>(
        previous: &Audit,
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Self>, E> {
        let mut drafts = Vec::new();
        for role in ORDER {
            let version = version(previous, role)?;
            let path = place(role, version);
            let Some(bytes) = read(&path)? else { continue };
            let strange = |source| {
                let file = path.clone();
                RepositoryError::Held(TrustError::Metadata { file, role, source })
            };
            let draft = Draft::read(&bytes, role).map_err(strange)?;
            let found = version_of(&draft).map_err(strange)?;
            if found != version {
                let error = RepositoryError::Number { file: path, found, wanted: version };
                return Err(error.into());
            }
            drafts.push(draft);
        }
        Ok((!drafts.is_empty()).then_some(Self { drafts }))
    }

    /// The file that lacks signatures, or the last one.
    #[must_use]
    pub fn open(&self) -> Option<&Draft> {
        self.drafts.last()
    }

    /// Adds a signature by `key` to the open file, as other programs write it: 64 bytes as they are
    /// or in hexadecimal, if `key` holds the role and it verifies.
    pub fn import(
        &mut self,
        previous: &Audit,
        key: &PublicKey,
        signature: &[u8],
    ) -> Result<(), RepositoryError> {
        let Some(open) = self.drafts.last_mut() else { return Ok(()) };
        let (root, role) = (&previous.root.body, open.role());
        let holders = root.roles.of(role);
        let mut ids = holders.keyids.iter();
        let id = ids.find(|id| root.keys.get(id).is_some_and(|listed| listed.is_same(key)));
        let Some(id) = id else {
            let (key, holders) = (key.id(), holders.keyids.clone());
            return Err(RepositoryError::NoHolder { role, key, holders });
        };
        Ok(open.import(id, key, signature)?)
    }

    /// When the metadata of each role will expire, once this is released.
    #[must_use]
    pub fn expiries(&self, previous: &Audit, terms: &ReleaseTerms) -> BTreeMap<Role, UtcTime> {
        let mut expiries = BTreeMap::from([(Role::Root, previous.root.expires)]);
        if let Some(newest) = &previous.newest {
            expiries.insert(Role::Targets, newest.targets.expires);
            expiries.insert(Role::Snapshot, newest.snapshot.expires);
        }
        if self.drafts.first().is_none_or(|draft| draft.role() != Role::Timestamp) {
            expiries.insert(Role::Targets, terms.targets_expire);
            expiries.insert(Role::Snapshot, terms.snapshot_expires);
        }
        expiries.insert(Role::Timestamp, terms.timestamp_expires);
        for draft in &self.drafts {
            expiries.extend(expiry(draft).map(|expires| (draft.role(), expires)));
        }
        expiries
    }

    /// The targets metadata in it, if it has new ones.
    pub(super) fn targets(&self) -> Option<Result<Signed<Targets>, MetadataError>> {
        let first = self.drafts.first().filter(|draft| draft.role() == Role::Targets)?;
        Some(first.content::<Targets>())
    }

    /// Has those `signers` sign that hold the role of the open file and have not signed yet. When it
    /// has enough, goes on to the next. Says what is missing in the end, if something is.
    pub fn sign(
        &mut self,
        previous: &Audit,
        terms: &ReleaseTerms,
        signers: &[&dyn Signer],
    ) -> Result<Option<Missing>, RepositoryError> {
        let root = &previous.root.body;
        while let Some(open) = self.drafts.last_mut() {
            let role = open.role();
            let signed: Vec<KeyId> = open.signed_by(root).into_iter().cloned().collect();
            for (id, signer) in among(root, role, signers) {
                if !signed.contains(&id) {
                    open.sign(&id, signer)?;
                }
            }
            let signed: Vec<KeyId> = open.signed_by(root).into_iter().cloned().collect();
            let holders = root.roles.of(role);
            let needed = holders.threshold.get();
            if (signed.len() as u64) < needed {
                let others = holders.keyids.iter().filter(|id| !signed.contains(id)).cloned();
                return Ok(Some(Missing { role, needed, others: others.collect(), signed }));
            }
            let content = open.to_bytes()?;
            let next = match role {
                Role::Targets => Self::next_snapshot(previous, terms, &content)?,
                Role::Snapshot => Self::next_timestamp(previous, terms, &content)?,
                Role::Timestamp | Role::Root => return Ok(None),
            };
            self.drafts.push(next);
        }
        Ok(None)
    }

    /// The files where they are held.
    pub fn held(&self) -> Result<Vec<NewFile>, RepositoryError> {
        self.files(place)
    }

    /// The files where a complete release has them, in the order in which they must be written.
    pub(super) fn released(&self) -> Result<Vec<NewFile>, RepositoryError> {
        self.files(|role, version| role.path((role != Role::Timestamp).then_some(version)))
    }

    fn files(&self, path: impl Fn(Role, u64) -> String) -> Result<Vec<NewFile>, RepositoryError> {
        let file = |draft: &Draft| {
            let role = draft.role();
            let strange = |source| {
                let file = role.file_name().to_owned();
                RepositoryError::Held(TrustError::Metadata { file, role, source })
            };
            let path = path(role, version_of(draft).map_err(strange)?);
            Ok(NewFile { path, content: draft.to_bytes()? })
        };
        self.drafts.iter().map(file).collect()
    }

    fn next_snapshot(
        previous: &Audit,
        terms: &ReleaseTerms,
        targets: &[u8],
    ) -> Result<Draft, RepositoryError> {
        let newest = previous.newest.as_ref();
        let number = next_version(Role::Targets, newest.map(|newest| newest.targets.version))?;
        let body = next_snapshot(newest, described(number, targets));
        let number = next_version(Role::Snapshot, newest.map(|newest| newest.snapshot.version))?;
        Ok(Draft::of(&draft(body, number, terms.snapshot_expires, terms.signed_at)?)?)
    }

    fn next_timestamp(
        previous: &Audit,
        terms: &ReleaseTerms,
        snapshot: &[u8],
    ) -> Result<Draft, RepositoryError> {
        let newest = previous.newest.as_ref();
        let number = next_version(Role::Snapshot, newest.map(|newest| newest.snapshot.version))?;
        let body = next_timestamp(newest, described(number, snapshot));
        let number = next_version(Role::Timestamp, newest.map(|newest| newest.timestamp.version))?;
        Ok(Draft::of(&draft(body, number, terms.timestamp_expires, terms.signed_at)?)?)
    }
}

/// The version of `role`'s metadata that follows `previous`: not less, and not more.
fn version(previous: &Audit, role: Role) -> Result<u64, RepositoryError> {
    let newest = previous.newest.as_ref();
    let before = newest.map(|newest| match role {
        Role::Snapshot => newest.snapshot.version,
        Role::Timestamp => newest.timestamp.version,
        Role::Targets | Role::Root => newest.targets.version,
    });
    Ok(next_version(role, before)?.get())
}

fn expiry(draft: &Draft) -> Option<UtcTime> {
    Some(match draft.role() {
        Role::Snapshot => draft.content::<Snapshot>().ok()?.expires,
        Role::Timestamp => draft.content::<Timestamp>().ok()?.expires,
        Role::Targets | Role::Root => draft.content::<Targets>().ok()?.expires,
    })
}

fn version_of(draft: &Draft) -> Result<u64, MetadataError> {
    Ok(match draft.role() {
        Role::Snapshot => draft.content::<Snapshot>()?.version,
        Role::Timestamp => draft.content::<Timestamp>()?.version,
        Role::Targets | Role::Root => draft.content::<Targets>()?.version,
    }
    .get())
}

/// Where a file is held.
fn place(role: Role, version: u64) -> String {
    format!("proposed/{version}.{}", role.file_name())
}
