//! The metadata of a proposed release: on their way to enough signatures.
//!
//! Each file names the one before it with its signatures, so they are signed one after the other:
//! targets or those of a team, snapshot, timestamp. A file that lacks signatures stays in
//! `proposed/` until others have signed; nothing of it is in `metadata/` before the last one is complete.

mod header;
mod next_versions;

use std::collections::BTreeMap;

use super::signing::{among, draft};
use super::{Audit, NewFile, ReleaseTerms, RepositoryError};
use crate::tuf::metadata::{Body, Signed, Targets};
use crate::tuf::{
    Draft, KeyId, MetadataError, PublicKey, Role, RoleName, Signer, TrustError, UtcTime,
};
use header::Header;
use next_versions::NextVersions;

/// Files of a release that nobody accepts yet, each but the last with enough signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedMetadata {
    /// The delegated role whose metadata the first file is, where it is not the targets role.
    team: Option<RoleName>,
    drafts: Vec<Draft>,
}

/// Whose signatures a proposed file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Whose metadata it is.
    pub role: Role,
    /// The delegated role, where they are not those of a top-level one.
    pub team: Option<RoleName>,
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
        let Missing { role, team, needed, signed, others } = missing;
        let found = signed.len() as u64;
        let role = team.map_or_else(|| role.to_string(), |team| team.to_string());
        Self::MissingKeys {
            role,
            found,
            needed,
            holders: signed.into_iter().chain(others).collect(),
        }
    }
}

impl ProposedMetadata {
    /// Begins with the first file, of `team` if it is not that of a top-level role.
    pub(super) fn begin<T: Body>(
        signed: &Signed<T>,
        team: Option<RoleName>,
    ) -> Result<Self, RepositoryError> {
        Ok(Self { team, drafts: vec![Draft::of(signed)?] })
    }

    /// The paths in a repository at which a release that follows `previous` may be proposed.
    #[must_use]
    pub fn paths(previous: &Audit, team: Option<&RoleName>) -> Vec<String> {
        let next = NextVersions { previous, team };
        ORDER.into_iter().filter_map(|role| next.proposed_path(role).ok()).collect()
    }

    /// What is proposed in a repository after `previous`, of the targets role or of `team`. `read` gives
    /// the bytes at a path.
    pub fn read<E: From<RepositoryError>>(
        previous: &Audit,
        team: Option<&RoleName>,
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Self>, E> {
        let next = NextVersions { previous, team };
        let mut drafts: Vec<Draft> = Vec::new();
        for role in ORDER {
            let path = next.proposed_path(role)?;
            let Some(bytes) = read(&path)? else { continue };
            let strange = |source| {
                let file = path.clone();
                RepositoryError::Proposed(TrustError::Metadata { file, role, source })
            };
            let draft = Draft::read(&bytes, role).map_err(strange)?;
            let found = Header::of(&draft).map_err(strange)?.version.get();
            let wanted = next.version(role)?.get();
            if found != wanted {
                return Err(RepositoryError::Number { file: path, found, wanted }.into());
            }
            // Made for another first file, or before that one had its last signature, or it says
            // more than what follows from that one: then it is made anew.
            let before = drafts.last().map(Draft::to_bytes).transpose();
            let before = before.map_err(RepositoryError::from)?;
            let fits = before
                .map_or_else(|| next.may_begin(&draft), |before| next.may_follow(&draft, &before));
            if !fits {
                break;
            }
            drafts.push(draft);
        }
        Ok((!drafts.is_empty()).then(|| Self { team: team.cloned(), drafts }))
    }

    /// The file that lacks signatures, or the last one.
    #[must_use]
    pub fn open(&self) -> Option<&Draft> {
        self.drafts.last()
    }

    /// The delegated role whose release it is, where it is not the targets role's.
    #[must_use]
    pub fn team(&self) -> Option<&RoleName> {
        self.team.as_ref()
    }

    /// Adds a signature by `key` to the open file, as other programs write it: 64 bytes as they are
    /// or in hexadecimal, if `key` holds the role and it verifies.
    pub fn import(
        &mut self,
        previous: &Audit,
        key: &PublicKey,
        signature: &[u8],
    ) -> Result<(), RepositoryError> {
        let next = NextVersions { previous, team: self.team.as_ref() };
        let Some(open) = self.drafts.last_mut() else { return Ok(()) };
        let role = open.role();
        let authority = next.authority(role)?;
        let mut ids = authority.keyids.iter();
        let id = ids.find(|id| authority.keys.get(id).is_some_and(|listed| listed.is_same(key)));
        let Some(id) = id else {
            let (key, holders) = (key.id(), authority.keyids.to_vec());
            return Err(RepositoryError::NoHolder { role, key, holders });
        };
        Ok(open.import(id, key, signature)?)
    }

    /// When the metadata of each role will expire, once this is released.
    #[must_use]
    pub fn expiries(&self, previous: &Audit, terms: &ReleaseTerms) -> BTreeMap<String, UtcTime> {
        let name = |role: Role| match (role, &self.team) {
            (Role::Targets, Some(team)) => team.to_string(),
            _ => role.to_string(),
        };
        let mut expiries = BTreeMap::from([(name(Role::Root), previous.root.expires)]);
        if let Some(newest) = &previous.newest {
            expiries.insert(Role::Targets.to_string(), newest.targets.expires);
            expiries.insert(name(Role::Snapshot), newest.snapshot.expires);
        }
        if self.drafts.first().is_none_or(|draft| draft.role() != Role::Timestamp) {
            expiries.insert(name(Role::Targets), terms.targets_expire);
            expiries.insert(name(Role::Snapshot), terms.snapshot_expires);
        }
        expiries.insert(name(Role::Timestamp), terms.timestamp_expires);
        for draft in &self.drafts {
            expiries.extend(Header::of(draft).map(|header| (name(draft.role()), header.expires)));
        }
        expiries
    }

    /// The latest time that one of its files says it was signed at, whoever wrote that.
    pub(super) fn latest_signed_at(&self) -> Option<UtcTime> {
        self.drafts.iter().filter_map(|draft| Header::of(draft).ok()?.signed_at).max()
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
        let team = self.team.clone();
        let next = NextVersions { previous, team: team.as_ref() };
        while let Some(open) = self.drafts.last_mut() {
            let role = open.role();
            let authority = next.authority(role)?;
            let signed = |open: &Draft| -> Vec<KeyId> {
                open.signed_under(authority).into_iter().cloned().collect()
            };
            let before = signed(open);
            for (id, signer) in among(authority, signers) {
                if !before.contains(&id) {
                    open.sign(&id, signer)?;
                }
            }
            let signed = signed(open);
            let needed = authority.threshold.get();
            if (signed.len() as u64) < needed {
                let others = authority.keyids.iter().filter(|id| !signed.contains(id)).cloned();
                let (others, team) = (others.collect(), team.filter(|_| role == Role::Targets));
                return Ok(Some(Missing { role, team, needed, signed, others }));
            }
            let content = open.to_bytes()?;
            let following = match role {
                Role::Targets => {
                    let body = next.snapshot(&content)?;
                    let version = next.version(Role::Snapshot)?;
                    Draft::of(&draft(body, version, terms.snapshot_expires, terms.signed_at)?)?
                }
                Role::Snapshot => {
                    let body = next.timestamp(&content)?;
                    let version = next.version(Role::Timestamp)?;
                    Draft::of(&draft(body, version, terms.timestamp_expires, terms.signed_at)?)?
                }
                Role::Timestamp | Role::Root => return Ok(None),
            };
            self.drafts.push(following);
        }
        Ok(None)
    }

    /// The files where they are while they are proposed to follow `previous`.
    pub fn proposed_files(&self, previous: &Audit) -> Result<Vec<NewFile>, RepositoryError> {
        let next = NextVersions { previous, team: self.team.as_ref() };
        self.files(|role| next.proposed_path(role))
    }

    /// The files where a complete release has them, in the order in which they must be written.
    pub(super) fn released_files(&self, previous: &Audit) -> Result<Vec<NewFile>, RepositoryError> {
        let next = NextVersions { previous, team: self.team.as_ref() };
        self.files(|role| next.released_path(role))
    }

    fn files(
        &self,
        path: impl Fn(Role) -> Result<String, RepositoryError>,
    ) -> Result<Vec<NewFile>, RepositoryError> {
        let file =
            |draft: &Draft| Ok(NewFile { path: path(draft.role())?, content: draft.to_bytes()? });
        self.drafts.iter().map(file).collect()
    }
}
