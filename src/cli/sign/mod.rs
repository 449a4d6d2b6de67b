//! `tieline sign`.

mod inputs;
mod offline;
mod options;
mod removed;
mod renumbered;
mod report;
mod session;

use std::num::NonZeroU64;

use camino::Utf8PathBuf;
use clap::ValueEnum;

use super::trust::{Directory, refuse};
use super::{Context, Exit, Failure};
use crate::tuf::RoleName;
use crate::tuf::repository::{Audit, check_proposed, propose, propose_for_team, refresh};

pub(super) use inputs::{audit, build};
pub(super) use options::Options;
pub(super) use session::{SigningRequest, begin, conclude, review};

/// Sign the built bundles as the next release
///
/// Verifies the repository as it is, checks every bundle against build/build.json, and adds a
/// release one higher than the last: targets metadata (what each gateway's bundle is), snapshot
/// and timestamp (that this is the newest). Gateways accept it only if the keys that the
/// repository's root names for these roles have signed.
///
/// It refuses to take a bundle away from a gateway, unless mesh.lock says that the gateway was
/// removed; to give gateways other numbers than they have; to go back to an older commit; and to
/// sign by a clock that cannot be right.
///
/// Metadata expire, so that nobody can keep a gateway on an old release unnoticed. Before the
/// timestamp does, sign again, or run `tieline sign --refresh` from CI on a schedule. What expired
/// installs nothing new and stops nothing that runs.
///
/// Where several have to sign, such as CI and a person: CI runs `sign --propose`, which leaves the
/// release in proposed/ of the repository; the person looks at it and runs `sign --countersign`;
/// CI finishes with `sign --countersign`. Nothing is released before.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,

    /// Sign the timestamp alone, so that the newest release stays fresh
    #[arg(long, conflicts_with_all = ["countersign", "build", "team"])]
    refresh: bool,

    /// Sign the proposed release, and release it if nothing is missing any more
    #[arg(long, conflicts_with_all = ["propose", "after"])]
    countersign: bool,

    /// Add the signature in FILE, 64 bytes or their hexadecimal digits, by the key of --public
    #[arg(long, value_name = "FILE", requires_all = ["public", "countersign"])]
    import: Option<Utf8PathBuf>,

    /// Sign for TEAM the bundles of its own gateways and of no others: see `tieline delegate`
    #[arg(long = "as", value_name = "TEAM", conflicts_with = "after")]
    team: Option<String>,

    /// Follow release N instead of the newest, after somebody with a stolen key made releases and
    /// the root holders replaced the key
    #[arg(long, value_name = "N")]
    after: Option<NonZeroU64>,

    /// What becomes of delegations that were signed with keys that have been replaced since
    #[arg(long, value_enum, value_name = "WHAT")]
    delegations: Option<Inherit>,
}

/// What becomes of delegations from before a change of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Inherit {
    /// They stay: they are ours
    Keep,
    /// They go
    Drop,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let options = &args.options;
    let team = args.team.as_deref().map(team).transpose()?;
    let session = begin(
        options,
        args.import.is_some(),
        |audit, repository, context| changed(args, audit, repository, context),
        context,
    )?;
    let (audit, terms) = (&session.audit, &session.terms);
    let mut request = SigningRequest {
        remarks: Vec::new(),
        import: args.import.as_deref(),
        countersign: args.countersign,
    };
    if args.refresh {
        let proposal = refresh(audit, terms).map_err(|error| refuse(&error))?;
        request.remarks.push("nothing but its timestamp is signed again".to_owned());
        return conclude(options, &session, proposal, &request, context);
    }
    let proposal = if args.countersign {
        let proposal = inputs::proposed(&session.repository, audit, team.as_ref(), context)?;
        check_proposed(&proposal.metadata, terms.signed_at).map_err(|error| refuse(&error))?;
        request.remarks.extend(inputs::check_countersigned(options, audit, &proposal, context)?);
        proposal
    } else {
        let (build, bundles) = build(&options.build, context)?;
        request.remarks.extend(inputs::uncommitted(options, &build, context)?);
        let proposal = match &team {
            Some(team) => propose_for_team(audit, team, &build, &bundles, terms),
            None => propose(audit, &build, &bundles, terms),
        };
        proposal.map_err(|error| refuse(&error))?
    };
    review(options, &session, &proposal, context)?;
    conclude(options, &session, proposal, &request, context)
}

/// The repository as the options want it to be seen.
fn changed(
    args: &Args,
    audit: Audit,
    repository: &Directory,
    context: &Context,
) -> Result<Audit, Failure> {
    let audit = match args.after {
        Some(number) => inputs::after(number, audit, repository, context)?,
        None => audit,
    };
    Ok(match args.delegations {
        Some(what) => audit.inherit(what == Inherit::Keep),
        None => audit,
    })
}

/// The team that is called `name`.
pub(super) fn team(name: &str) -> Result<RoleName, Failure> {
    let team = RoleName::try_from(name.to_owned());
    team.map_err(|error| Failure::new(Exit::Usage, &error))
}
