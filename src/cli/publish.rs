//! `tieline publish`: a signed release goes to a git server.

use camino::Utf8PathBuf;

use super::access::{Access, workspace};
use super::trust::{AnchorArgs, Directory, distrust};
use super::{Context, Exit, Failure, Format};
use crate::host::git::Change;
use crate::publish::{Publication, PublishError, Published, publish};

/// Push the newest release to a git server, a branch for every gateway
///
/// Verifies the repository as gateways will, then pushes the branch release, which records every
/// release, and gateway/NAME for each gateway, which holds what that gateway needs and no more.
/// Branches of gateways that left the mesh are deleted. What the server has already is left alone,
/// and a release older than the one it has is refused; so it can be run again at any time.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The git repository: https://, ssh://, user@host:path, git://, http://, file:// or an absolute path
    remote: String,

    /// Publish the TUF repository in DIR
    #[arg(long, value_name = "DIR", default_value = "repository")]
    repository: Utf8PathBuf,

    #[command(flatten)]
    anchor: AnchorArgs,

    #[command(flatten)]
    access: Access,

    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let remote = args.access.remote(&args.remote, context)?;
    let workspace = workspace("tieline-publish-")?;
    let repository = Directory::new(&args.repository, context);
    let anchor = repository.anchor(&args.anchor, context)?;
    let publication = Publication {
        repository: repository.path(),
        root: &anchor.bytes,
        remote: &remote,
        workspace: workspace.1,
        deadline: args.access.deadline(),
        dry_run: args.dry_run,
    };
    let host = context.host;
    let published = context
        .terminal
        .work("publishing", || publish(host.files, host.git, host.clock.now(), &publication))
        .map_err(|error| explain(&error))?;
    match context.format {
        Format::Human => context.terminal.note(&summary(&published)),
        Format::Json => context.json(&published)?,
    }
    Ok(Exit::Done)
}

fn explain(error: &PublishError) -> Failure {
    let (exit, hint) = match error {
        PublishError::Untrusted(trust) => (trust.kind().into(), distrust(trust).hint),
        PublishError::Older { .. } | PublishError::Fork { .. } => {
            (Exit::Rollback, error.hint().map(str::to_owned))
        }
        _ => (Exit::Failure, error.hint().map(str::to_owned)),
    };
    Failure { hint, ..Failure::new(exit, error) }
}

/// Branches that are named one by one.
const MOST_NAMED: usize = 5;

fn summary(published: &Published) -> String {
    let number = published.release;
    if published.branches.is_empty() {
        return format!("nothing to publish: the remote has release {number}");
    }
    let groups =
        [(Change::Created, "created"), (Change::Updated, "updated"), (Change::Deleted, "deleted")];
    let counted = groups.into_iter().filter_map(|(change, word)| {
        let branches = published.branches.iter().filter(|&(_, &made)| made == change);
        let names: Vec<_> = branches.map(|(name, _)| name.as_str()).collect();
        match names.len() {
            0 => None,
            1..=MOST_NAMED => Some(format!("{word} {}", names.join(", "))),
            count => Some(format!("{word} {count} branches")),
        }
    });
    let done = if published.dry_run { "would publish" } else { "published" };
    format!("{done} release {number}: {}", counted.collect::<Vec<_>>().join("; "))
}
