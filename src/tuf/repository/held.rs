//! A release on its way to enough signatures.
//!
//! Each file names the one before it with its signatures, so they are signed one after the other:
//! targets or those of a team, snapshot, timestamp. A file that lacks signatures is held, until others
//! have signed; nothing of it is in `metadata/` before the last one is complete.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::release::{described, next_snapshot, next_timestamp};
use super::signing::{among, draft, next_version};
use super::{Audit, NewFile, ReleaseTerms, RepositoryError};
use crate::tuf::metadata::{Authority, Body, Signed, Snapshot, Targets, Timestamp};
use crate::tuf::{
    Draft, KeyId, MetadataError, PublicKey, Role, RoleName, Signer, TrustError, UtcTime,
};

/// Files of a release that nobody accepts yet, each but the last with enough signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The delegated role whose metadata the first file is, where it is not the targets role.
    team: Option<RoleName>,
    drafts: Vec<Draft>,
}

/// Whose signatures a held file lacks.
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

impl Held {
    /// Begins with the first file, of `team` if it is not that of a top-level role.
    pub(super) fn begin<T: Body>(
        signed: &Signed<T>,
        team: Option<RoleName>,
    ) -> Result<Self, RepositoryError> {
        Ok(Self { team, drafts: vec![Draft::of(signed)?] })
    }

    /// The paths in a repository at which a release that follows `previous` may be held.
    #[must_use]
    pub fn paths(previous: &Audit, team: Option<&RoleName>) -> Vec<String> {
        let version = |role| version(previous, role, team).ok();
        ORDER.into_iter().filter_map(|role| Some(place(role, team, version(role)?))).collect()
    }

    /// What is held in a repository after `previous`, of the targets role or of `team`. `read` gives
    /// the bytes at a path.
    pub fn read<E: From<RepositoryError>>(
        previous: &Audit,
        team: Option<&RoleName>,
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Option<Self>, E> {
        let mut drafts: Vec<Draft> = Vec::new();
        for role in ORDER {
            let version = version(previous, role, team)?;
            let path = place(role, team, version);
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
            // Made for another first file, or before that one had its last signature, or it says
            // more than what follows from that one: then it is made anew.
            let before = drafts.last().map(Draft::to_bytes).transpose();
            let before = before.map_err(RepositoryError::from)?;
            let fits = before.map_or_else(
                || begins(&draft, previous),
                |before| follows(&draft, previous, team, &before),
            );
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
        let Some(open) = self.drafts.last_mut() else { return Ok(()) };
        let role = open.role();
        let authority = authority(previous, role, self.team.as_ref())?;
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
            expiries.extend(expiry(draft).map(|expires| (name(draft.role()), expires)));
        }
        expiries
    }

    /// The latest time that one of its files says it was signed at, whoever wrote that.
    pub(super) fn dated(&self) -> Option<UtcTime> {
        self.drafts.iter().filter_map(signed_at).max()
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
        while let Some(open) = self.drafts.last_mut() {
            let role = open.role();
            let authority = authority(previous, role, self.team.as_ref())?;
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
                let (others, team) = (others.collect(), self.team.clone());
                let team = team.filter(|_| role == Role::Targets);
                return Ok(Some(Missing { role, team, needed, signed, others }));
            }
            let content = open.to_bytes()?;
            let next = match role {
                Role::Targets => self.next_snapshot(previous, terms, &content)?,
                Role::Snapshot => Self::next_timestamp(previous, terms, &content)?,
                Role::Timestamp | Role::Root => return Ok(None),
            };
            self.drafts.push(next);
        }
        Ok(None)
    }

    /// The files where they are held.
    pub fn held(&self) -> Result<Vec<NewFile>, RepositoryError> {
        self.files(|role, version| place(role, self.team.as_ref(), version))
    }

    /// The files where a complete release has them, in the order in which they must be written.
    pub(super) fn released(&self) -> Result<Vec<NewFile>, RepositoryError> {
        self.files(|role, version| match (role, &self.team) {
            (Role::Targets, Some(team)) => team.path(Some(version)),
            _ => role.path((role != Role::Timestamp).then_some(version)),
        })
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
        &self,
        previous: &Audit,
        terms: &ReleaseTerms,
        first: &[u8],
    ) -> Result<Draft, RepositoryError> {
        let team = self.team.as_ref();
        let number = next_version(Role::Targets, before(previous, Role::Targets, team))?;
        let file = meta_name(team);
        let newest = previous.newest.as_ref();
        let body = next_snapshot(newest, file, described(number, first));
        let number = next_version(Role::Snapshot, before(previous, Role::Snapshot, team))?;
        Ok(Draft::of(&draft(body, number, terms.snapshot_expires, terms.signed_at)?)?)
    }

    fn next_timestamp(
        previous: &Audit,
        terms: &ReleaseTerms,
        snapshot: &[u8],
    ) -> Result<Draft, RepositoryError> {
        let newest = previous.newest.as_ref();
        let number = next_version(Role::Snapshot, before(previous, Role::Snapshot, None))?;
        let body = next_timestamp(newest, described(number, snapshot));
        let number = next_version(Role::Timestamp, before(previous, Role::Timestamp, None))?;
        Ok(Draft::of(&draft(body, number, terms.timestamp_expires, terms.signed_at)?)?)
    }
}

/// Who has to sign a file.
fn authority<'a>(
    previous: &'a Audit,
    role: Role,
    team: Option<&RoleName>,
) -> Result<Authority<'a>, RepositoryError> {
    let (Role::Targets, Some(team)) = (role, team) else {
        return Ok(previous.root.body.authority(role));
    };
    let newest = previous.newest.as_ref();
    let delegations = newest.and_then(|newest| newest.targets.body.delegations.as_ref());
    let authority = delegations.and_then(|delegations| delegations.authority(team));
    authority.ok_or_else(|| RepositoryError::NoTeam { team: team.clone() })
}

/// The version of a role's newest metadata.
fn before(previous: &Audit, role: Role, team: Option<&RoleName>) -> Option<NonZeroU64> {
    let newest = previous.newest.as_ref()?;
    match (role, team) {
        (Role::Snapshot, _) => Some(newest.snapshot.version),
        (Role::Timestamp, _) => Some(newest.timestamp.version),
        (Role::Targets | Role::Root, None) => Some(newest.targets.version),
        (Role::Targets | Role::Root, Some(team)) => {
            Some(newest.snapshot.body.meta.get(&team.meta_name())?.version)
        }
    }
}

/// The version of `role`'s metadata that follows `previous`: not less, and not more.
fn version(previous: &Audit, role: Role, team: Option<&RoleName>) -> Result<u64, RepositoryError> {
    Ok(next_version(role, before(previous, role, team))?.get())
}

/// Whether `draft` may come first: targets or those of a team, which are looked at, or a timestamp
/// that says once more what it said.
fn begins(draft: &Draft, previous: &Audit) -> bool {
    match draft.role() {
        Role::Targets => true,
        Role::Timestamp => previous.newest.as_ref().is_some_and(|newest| {
            let found = draft.content::<Timestamp>();
            found.is_ok_and(|found| found.body == newest.timestamp.body)
        }),
        Role::Snapshot | Role::Root => false,
    }
}

/// Whether `draft` says of the file before it, of which `bytes` are the content, and of everything
/// else, what it would say if it were made here: nobody looks at it before it is signed.
fn follows(draft: &Draft, previous: &Audit, team: Option<&RoleName>, bytes: &[u8]) -> bool {
    let newest = previous.newest.as_ref();
    let of = |role, team| version(previous, role, team).ok().and_then(NonZeroU64::new);
    match draft.role() {
        Role::Snapshot => of(Role::Targets, team).is_some_and(|number| {
            let wanted = next_snapshot(newest, meta_name(team), described(number, bytes));
            draft.content::<Snapshot>().is_ok_and(|found| found.body == wanted)
        }),
        Role::Timestamp => of(Role::Snapshot, None).is_some_and(|number| {
            let wanted = next_timestamp(newest, described(number, bytes));
            draft.content::<Timestamp>().is_ok_and(|found| found.body == wanted)
        }),
        Role::Targets | Role::Root => false,
    }
}

fn signed_at(draft: &Draft) -> Option<UtcTime> {
    match draft.role() {
        Role::Snapshot => draft.content::<Snapshot>().ok()?.signed_at,
        Role::Timestamp => draft.content::<Timestamp>().ok()?.signed_at,
        Role::Targets | Role::Root => draft.content::<Targets>().ok()?.signed_at,
    }
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

/// How snapshot metadata call the first file.
fn meta_name(team: Option<&RoleName>) -> String {
    team.map_or_else(|| Role::Targets.file_name().to_owned(), RoleName::meta_name)
}

/// Where a file is held.
fn place(role: Role, team: Option<&RoleName>, version: u64) -> String {
    match team.filter(|_| role == Role::Targets) {
        Some(team) => format!("proposed/{version}.{}", team.file_name()),
        None => format!("proposed/{version}.{}", role.file_name()),
    }
}
