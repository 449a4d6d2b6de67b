//! `tieline root add-key`, `revoke-key`, `replace-key`, `set-threshold` and `renew`: proposing
//! another root.

use std::num::NonZeroU64;

use clap::ValueEnum;

use super::ceremony::{Ceremony, LoadedProposal, Place, explain};
use super::report;
use crate::cli::trust::{Lifetime, NamedSource, Passphrase, refuse};
use crate::cli::{Context, Exit, Failure, Format};
use crate::report::counted;
use crate::tuf::repository::{Edit, ProposedRoot};
use crate::tuf::{Role, UtcTime};

/// Propose that a key gets a role
///
/// A key that holds several roles is named once for each: `--role snapshot --role timestamp`.
#[derive(Debug, clap::Args)]
pub(super) struct AddKey {
    /// The public key, with what people are to call it: NAME=FILE. A name is guessed from that of
    /// the file if you say none
    #[arg(value_name = "[NAME=]KEY")]
    key: NamedSource,

    /// The role
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<RoleName>,

    #[command(flatten)]
    change: Change,
}

/// Propose that a key loses its roles
///
/// Once the proposal is complete and a release follows it, gateways accept nothing more that only
/// this key has signed. Where the key was stolen, nothing else has to be done on any gateway.
#[derive(Debug, clap::Args)]
pub(super) struct RevokeKey {
    /// The key: its name, its id, or at least eight digits of it
    #[arg(value_name = "KEY")]
    key: String,

    /// A role it is to lose, if not all
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<RoleName>,

    #[command(flatten)]
    change: Change,
}

/// Propose that one key gets all roles of another
#[derive(Debug, clap::Args)]
pub(super) struct ReplaceKey {
    /// The old key: its name, its id, or at least eight digits of it
    #[arg(value_name = "OLD")]
    old: String,

    /// The new public key, with what people are to call it: NAME=FILE
    #[arg(value_name = "[NAME=]NEW")]
    new: NamedSource,

    #[command(flatten)]
    change: Change,
}

/// Propose how many keys of a role must sign
#[derive(Debug, clap::Args)]
pub(super) struct SetThreshold {
    /// The role
    #[arg(value_name = "ROLE")]
    role: RoleName,

    /// How many of its keys must sign
    #[arg(value_name = "N")]
    threshold: NonZeroU64,

    #[command(flatten)]
    change: Change,
}

/// Propose the same root again, valid for longer
#[derive(Debug, clap::Args)]
pub(super) struct Renew {
    #[command(flatten)]
    change: Change,
}

/// What all of these have in common.
#[derive(Debug, clap::Args)]
struct Change {
    /// When the new root expires: days from now, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    expires: Lifetime,

    /// Say that it was signed at TIME instead of now: to make it again bit for bit, or because the
    /// clock is right although it looks wrong
    #[arg(long, value_name = "TIME")]
    signed_at: Option<UtcTime>,

    #[command(flatten)]
    place: Place,
}

/// A role as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// May change who holds which role
    Root,
    /// May release bundles
    Targets,
    /// May say which metadata belong together
    Snapshot,
    /// May say what is newest
    Timestamp,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Root => Self::Root,
            RoleName::Targets => Self::Targets,
            RoleName::Snapshot => Self::Snapshot,
            RoleName::Timestamp => Self::Timestamp,
        }
    }
}

fn roles(names: &[RoleName]) -> Vec<Role> {
    names.iter().copied().map(Role::from).collect()
}

pub(super) fn add(args: &AddKey, context: &mut Context) -> Result<Exit, Failure> {
    let key = args.key.load(&Passphrase::default(), context)?;
    propose(&[Edit::Add { key, roles: roles(&args.roles) }], &args.change, context)
}

pub(super) fn revoke(args: &RevokeKey, context: &mut Context) -> Result<Exit, Failure> {
    let edit = Edit::Revoke { key: args.key.clone(), roles: roles(&args.roles) };
    propose(&[edit], &args.change, context)
}

pub(super) fn replace(args: &ReplaceKey, context: &mut Context) -> Result<Exit, Failure> {
    let new = args.new.load(&Passphrase::default(), context)?;
    propose(&[Edit::Replace { old: args.old.clone(), new }], &args.change, context)
}

pub(super) fn set_threshold(args: &SetThreshold, context: &mut Context) -> Result<Exit, Failure> {
    let edit = Edit::Threshold { role: args.role.into(), threshold: args.threshold };
    propose(&[edit], &args.change, context)
}

pub(super) fn renew(args: &Renew, context: &mut Context) -> Result<Exit, Failure> {
    propose(&[], &args.change, context)
}

/// Changes the proposal there is, or begins one.
fn propose(edits: &[Edit], change: &Change, context: &mut Context) -> Result<Exit, Failure> {
    let ceremony = Ceremony::open(&change.place, context)?;
    let now = UtcTime::from_clock(context.host.clock.now());
    let signed_at = change.signed_at.unwrap_or(now);
    let expires = change.expires.end(signed_at);
    if let Some(root) = ceremony.trusted.as_ref().filter(|_| change.signed_at.is_none()) {
        root.check_clock(now).map_err(|error| refuse(&error))?;
    }
    let proposal = match (ceremony.load_proposal(context)?, &ceremony.trusted) {
        (Some(loaded), _) => Ok(loaded.proposal),
        (None, Some(root)) => ProposedRoot::begin(root.clone(), signed_at, expires),
        (None, None) => {
            let text = format!("there is no root in {}", ceremony.repository.path());
            return Err(Failure::say(Exit::Failure, text).hint(
                "`tieline root init` makes the first; --repository says where the clone of the \
                 branch `release` is",
            ));
        }
    };
    let proposal = proposal.and_then(|proposal| proposal.edited(edits, signed_at, expires));
    let proposal = proposal.map_err(|error| explain(&error))?;
    let dropped = ceremony.save_proposal(&proposal, context)?;
    if context.format == Format::Json {
        let loaded = LoadedProposal { proposal: proposal.clone(), ignored: Vec::new() };
        context.json(&report::root_report(&ceremony, Some(&loaded)))?;
    }
    context.terminal.note(&report::proposed_text(&proposal));
    if dropped > 0 {
        let signatures = counted(dropped, "signature");
        context.terminal.warn(&format!(
            "dropped {signatures} of the proposal as it was: everyone has to sign anew"
        ));
    }
    context.terminal.note(&format!(
        "wrote {}: commit it, then each signs with `tieline root sign --key KEY`",
        ceremony.directory
    ));
    Ok(Exit::Done)
}
