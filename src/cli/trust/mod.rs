//! What the commands around keys, roots and releases share.

mod agent;
mod anchor;
mod audit_failure;
mod command;
mod consent;
mod directory;
mod keys;
mod lifetime;
mod named;
mod offline;
mod passphrase;
mod signers;

pub(super) use anchor::{Anchor, AnchorArgs, CEREMONY};
pub(super) use audit_failure::AuditFailure;
pub(super) use consent::consent;
pub(super) use directory::Directory;
pub(super) use keys::{KeySource, load_pair, load_public};
pub(super) use lifetime::Lifetime;
pub(super) use named::NamedSource;
pub(super) use offline::{Offline, export, read_signature};
pub(super) use passphrase::Passphrase;
pub(super) use signers::{SignerArgs, SignerSource};

use super::{Exit, Failure};
use crate::bundle::BundleError;
use crate::primitives::Name;
use crate::tuf::repository::RepositoryError;
use crate::tuf::{Role, TrustError};

/// Why something is not trusted, as the user is told.
pub(super) fn distrust(error: &TrustError) -> Failure {
    let failure = Failure::new(error.kind().into(), error);
    match error {
        TrustError::Root(_) => failure.hint(
            "root metadata come from `tieline root init`; a gateway has those it was provisioned \
             with in /etc/tieline/root.json",
        ),
        TrustError::Expired { file, .. } if file.ends_with(Role::Root.file_name()) => {
            failure.hint("who holds the root role has to sign a new version of root metadata")
        }
        TrustError::Expired { .. } => failure.hint(
            "`tieline sign` and `tieline publish` renew them; until then nothing new is accepted",
        ),
        _ => failure,
    }
}

/// Why no root or release was made, as the user is told.
pub(super) fn refuse(error: &RepositoryError) -> Failure {
    let (exit, hint) = match error {
        RepositoryError::Refused(trust @ TrustError::Expired { file, .. })
            if !file.ends_with(Role::Root.file_name()) =>
        {
            (
                trust.kind().into(),
                Some(
                    "an earlier release was signed by a clock that was ahead of this one: correct \
                     the clock, or let this release expire after that date (--expires)"
                        .to_owned(),
                ),
            )
        }
        RepositoryError::Previous(trust) | RepositoryError::Refused(trust) => {
            (trust.kind().into(), distrust(trust).hint)
        }
        RepositoryError::NoTimestamp { file } => (
            Exit::Rollback,
            Some(format!("restore it; or, if no release was ever published, remove {file}")),
        ),
        RepositoryError::MissingKeys { role, .. } => (
            Exit::Signature,
            Some(format!(
                "name more keys of the {role} role with --key; `tieline key show` prints the id \
                 of a key; `tieline sign --propose` holds a release until others have signed"
            )),
        ),
        RepositoryError::NoHolder { .. } => (Exit::Signature, None),
        RepositoryError::LastVersion { .. } => (
            Exit::Failure,
            Some(
                "somebody with a stolen key did this: the root holders replace the keys, then \
                 `tieline sign --after N` follows the last release that is yours"
                    .to_owned(),
            ),
        ),
        RepositoryError::Proposed(trust) => {
            (trust.kind().into(), Some("propose it again with `tieline sign --propose`".to_owned()))
        }
        RepositoryError::Number { .. } => {
            (Exit::Rollback, Some("propose it again with `tieline sign --propose`".to_owned()))
        }
        RepositoryError::ClockAhead { .. } | RepositoryError::ClockBehind { .. } => (
            Exit::Failure,
            Some("correct the clock; if it is right, say so with --signed-at".to_owned()),
        ),
        RepositoryError::TooSoon { role: Role::Root, .. } => (
            Exit::Expired,
            Some("who holds the root role has to sign a new version of root metadata".to_owned()),
        ),
        RepositoryError::TooSoon { role, .. } => {
            (Exit::Failure, Some(format!("choose a later time with --{role}-expires")))
        }
        RepositoryError::Drops { gateways } => (Exit::Failure, Some(keep_or_drop(gateways))),
        RepositoryError::Renumbers { gateways, .. } => {
            (Exit::Failure, Some(restore_or_renumber(gateways)))
        }
        RepositoryError::Superseded { .. } => (
            Exit::Signature,
            Some("sign a whole release with the new keys: `tieline sign`".to_owned()),
        ),
        RepositoryError::Inherited { .. } => (
            Exit::Signature,
            Some(
                "`tieline delegate list` shows them; then `tieline sign --delegations keep`, or \
                 `drop`, or `tieline delegate` again after that"
                    .to_owned(),
            ),
        ),
        RepositoryError::NoTeam { .. } => (
            Exit::Failure,
            Some(
                "`tieline delegate list` shows the teams, `tieline delegate set` adds one"
                    .to_owned(),
            ),
        ),
        RepositoryError::NoRelease => {
            (Exit::Failure, Some("`tieline sign` makes the first".to_owned()))
        }
        RepositoryError::Bundle { source: BundleError::Format { .. }, .. } => {
            (Exit::BadBundle, Some("sign with a newer Tieline, the one that built it".to_owned()))
        }
        RepositoryError::Altered { .. }
        | RepositoryError::NoBundle { .. }
        | RepositoryError::Format { .. }
        | RepositoryError::Bundle { .. } => {
            (Exit::BadBundle, Some("run `tieline build` again".to_owned()))
        }
        RepositoryError::Mesh { .. } | RepositoryError::WrongGateway { .. } => {
            (Exit::WrongGateway, None)
        }
        _ => (Exit::Failure, None),
    };
    let failure = Failure::new(exit, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What to do about gateways that the last release has and this one lacks.
fn keep_or_drop(gateways: &[Name]) -> String {
    format!(
        "build the mesh as it is; a gateway leaves it by going out of mesh.yaml and \
         `tieline lock`, or name it: {}",
        each("--drop", gateways)
    )
}

/// What to do about gateways whose numbers have changed.
fn restore_or_renumber(gateways: &[Name]) -> String {
    format!(
        "bring mesh.lock back from git as it was at the last release, run `tieline lock` and build \
         again; every tunnel of these gateways would break until both its ends have the release: if \
         you mean it, {}",
        each("--renumber", gateways)
    )
}

/// An option, once for each gateway.
fn each(option: &str, gateways: &[Name]) -> String {
    let all: Vec<_> = gateways.iter().map(|name| format!("{option} {name}")).collect();
    all.join(" ")
}
