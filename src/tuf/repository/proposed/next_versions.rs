//! What has to come after the newest release: in which versions, at which paths, signed by whom; and
//! what those files say that nobody looks at before they are signed.

use std::num::NonZeroU64;

use crate::tuf::metadata::{Snapshot, Timestamp};
use crate::tuf::repository::next_metadata::{described, next_snapshot, next_timestamp};
use crate::tuf::repository::signing::next_version;
use crate::tuf::repository::{Audit, RepositoryError};
use crate::tuf::role_keys::Authority;
use crate::tuf::{Draft, Role, RoleName};

/// What follows `previous`, as a release of the targets role or of `team`.
#[derive(Clone, Copy)]
pub(super) struct NextVersions<'a> {
    pub(super) previous: &'a Audit,
    pub(super) team: Option<&'a RoleName>,
}

impl<'a> NextVersions<'a> {
    /// Who has to sign the file of `role`.
    pub(super) fn authority(self, role: Role) -> Result<Authority<'a>, RepositoryError> {
        let (Role::Targets, Some(team)) = (role, self.team) else {
            return Ok(self.previous.root.body.authority(role));
        };
        let newest = self.previous.newest.as_ref();
        let delegations = newest.and_then(|newest| newest.targets.body.delegations.as_ref());
        let authority = delegations.and_then(|delegations| delegations.authority(team));
        authority.ok_or_else(|| RepositoryError::NoTeam { team: team.clone() })
    }

    /// The version it has: not less, and not more.
    pub(super) fn version(self, role: Role) -> Result<NonZeroU64, RepositoryError> {
        next_version(role, self.version_before(role))
    }

    fn version_before(self, role: Role) -> Option<NonZeroU64> {
        let newest = self.previous.newest.as_ref()?;
        match (role, self.team) {
            (Role::Snapshot, _) => Some(newest.snapshot.version),
            (Role::Timestamp, _) => Some(newest.timestamp.version),
            (Role::Targets | Role::Root, None) => Some(newest.targets.version),
            (Role::Targets | Role::Root, Some(team)) => {
                Some(newest.snapshot.body.meta.get(&team.meta_name())?.version)
            }
        }
    }

    /// Where it is while it is proposed.
    pub(super) fn proposed_path(self, role: Role) -> Result<String, RepositoryError> {
        let version = self.version(role)?;
        let file = match self.team.filter(|_| role == Role::Targets) {
            Some(team) => team.file_name(),
            None => role.file_name().to_owned(),
        };
        Ok(format!("proposed/{version}.{file}"))
    }

    /// Where a complete release has it.
    pub(super) fn released_path(self, role: Role) -> Result<String, RepositoryError> {
        let version = self.version(role)?.get();
        Ok(match self.team.filter(|_| role == Role::Targets) {
            Some(team) => team.path(Some(version)),
            None => role.path((role != Role::Timestamp).then_some(version)),
        })
    }

    /// What the snapshot says after `first`, the content of the first file.
    pub(super) fn snapshot(self, first: &[u8]) -> Result<Snapshot, RepositoryError> {
        let file = match self.team {
            Some(team) => team.meta_name(),
            None => Role::Targets.file_name().to_owned(),
        };
        let meta = described(self.version(Role::Targets)?, first);
        Ok(next_snapshot(self.previous.newest.as_ref(), file, meta))
    }

    /// What the timestamp says after `snapshot`, the content of that file.
    pub(super) fn timestamp(self, snapshot: &[u8]) -> Result<Timestamp, RepositoryError> {
        let meta = described(self.version(Role::Snapshot)?, snapshot);
        Ok(next_timestamp(self.previous.newest.as_ref(), meta))
    }

    /// Whether `draft` may come first: targets or those of a team, which are looked at, or a
    /// timestamp that says once more what it said.
    pub(super) fn may_begin(self, draft: &Draft) -> bool {
        match draft.role() {
            Role::Targets => true,
            Role::Timestamp => self.previous.newest.as_ref().is_some_and(|newest| {
                let found = draft.content::<Timestamp>();
                found.is_ok_and(|found| found.body == newest.timestamp.body)
            }),
            Role::Snapshot | Role::Root => false,
        }
    }

    /// Whether `draft` says of the file before it, of which `bytes` are the content, and of
    /// everything else, what it would say if it were made here.
    pub(super) fn may_follow(self, draft: &Draft, bytes: &[u8]) -> bool {
        match draft.role() {
            Role::Snapshot => self.snapshot(bytes).is_ok_and(|wanted| {
                draft.content::<Snapshot>().is_ok_and(|found| found.body == wanted)
            }),
            Role::Timestamp => self.timestamp(bytes).is_ok_and(|wanted| {
                draft.content::<Timestamp>().is_ok_and(|found| found.body == wanted)
            }),
            Role::Targets | Role::Root => false,
        }
    }
}
