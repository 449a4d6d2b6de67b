//! `tieline delegate`.

use std::fmt::Write as _;
use std::num::NonZeroU64;

use clap::Subcommand;

use super::sign::{Options, SigningRequest, audit, begin, build, conclude, review, team};
use super::trust::{AnchorArgs, Directory, KeySource, Passphrase, load_public, refuse};
use super::{Context, Exit, Failure, Format};
use crate::primitives::Name;
use crate::report::{TeamEntry, TeamsReport};
use crate::tuf::KeyId;
use crate::tuf::repository::{Delegate, TeamSummary, delegate};

/// Give a team the keys of its own gateways
///
/// A team signs for its own gateways with keys of its own, and for no others: `tieline sign --as
/// TEAM`. Whoever holds the targets role gives and takes that. Snapshot and timestamp stay with
/// CI, which so sees every release of a team, and can hold it up but not change it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: DelegateCommand,
}

#[derive(Debug, Subcommand)]
enum DelegateCommand {
    Set(Box<Set>),
    Remove(Box<Remove>),
    List(Box<List>),
}

/// Say which keys answer for which gateways
///
/// Makes the next release, out of the build, in which TEAM has these keys and these gateways,
/// whatever it had before. The release key goes on to answer for a gateway until the first release
/// it signs after TEAM has signed for that gateway.
#[derive(Debug, clap::Args)]
struct Set {
    /// The team
    team: String,

    /// A gateway of the team
    #[arg(long = "gateway", value_name = "NAME", required = true, value_delimiter = ',')]
    gateways: Vec<Name>,

    /// A public key of the team
    #[arg(long = "team-key", value_name = "KEY", required = true)]
    team_keys: Vec<KeySource>,

    /// How many of the team's keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    threshold: NonZeroU64,

    #[command(flatten)]
    options: Options,
}

/// Take everything back
///
/// Makes the next release, out of the build, in which the release key answers for the team's
/// gateways again.
#[derive(Debug, clap::Args)]
struct Remove {
    /// The team
    team: String,

    #[command(flatten)]
    options: Options,
}

/// Show who answers for which gateways
#[derive(Debug, clap::Args)]
struct List {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = "repository")]
    repository: camino::Utf8PathBuf,

    #[command(flatten)]
    anchor: AnchorArgs,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    match &args.command {
        DelegateCommand::Set(args) => {
            let keys =
                args.team_keys.iter().map(|key| load_public(key, &Passphrase::default(), context));
            let change = Delegate::Set {
                team: team(&args.team)?,
                keys: keys.collect::<Result<_, _>>()?,
                threshold: args.threshold,
                gateways: args.gateways.iter().cloned().collect(),
            };
            let gateways: Vec<_> = args.gateways.iter().map(Name::as_str).collect();
            let remark = format!("team {} answers for {}", args.team, gateways.join(", "));
            make(&args.options, change, remark, context)
        }
        DelegateCommand::Remove(args) => {
            let change = Delegate::Remove { team: team(&args.team)? };
            make(&args.options, change, format!("team {} answers for nothing", args.team), context)
        }
        DelegateCommand::List(args) => list(args, context),
    }
}

fn make(
    options: &Options,
    change: Delegate,
    remark: String,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let session = begin(options, false, |audit, _, _| Ok(audit), context)?;
    let (build, bundles) = build(options.build(), context)?;
    let proposal = delegate(&session.audit, change, &build, &bundles, &session.terms);
    let proposal = proposal.map_err(|error| refuse(&error))?;
    review(options, &session, &proposal, context)?;
    let request = SigningRequest { remarks: vec![remark], ..SigningRequest::default() };
    conclude(options, &session, proposal, &request, context)
}

fn list(args: &List, context: &mut Context) -> Result<Exit, Failure> {
    let repository = Directory::new(&args.repository, context);
    let anchor = repository.anchor(&args.anchor, context)?;
    let audit = audit(anchor.bytes, &repository, context)?;
    let entry = |team: TeamSummary| TeamEntry {
        team: team.team.to_string(),
        keys: team.keys.iter().map(ToString::to_string).collect(),
        threshold: team.threshold,
        paths: team.paths,
        gateways: team.gateways,
        expires: team.expires.map(|at| at.to_string()),
    };
    let teams = audit.teams();
    if context.format == Format::Json {
        context.json(&TeamsReport { teams: teams.into_iter().map(entry).collect() })?;
        return Ok(Exit::Done);
    }
    if teams.is_empty() {
        context.terminal.note("nothing is delegated");
    }
    let mut text = String::new();
    for TeamSummary { team, keys, threshold, paths, gateways, expires } in teams {
        let keys: Vec<_> = keys.iter().map(KeyId::short).collect();
        let gateways: Vec<_> = gateways.iter().map(Name::as_str).collect();
        let (keys, paths) = (keys.join(", "), paths.join(", "));
        let signed = match expires {
            Some(at) => format!("signed for {} until {at}", gateways.join(", ")),
            None => "has not signed yet".to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{team}: {threshold} of {keys} for {paths}; {signed}");
    }
    context.terminal.result(&text)?;
    Ok(Exit::Done)
}
