//! `tieline verify`.

mod bundles;
mod place;
mod rebuild;
mod report;

use camino::Utf8PathBuf;

use super::access::{Access, workspace};
use super::trust::{AnchorArgs, AuditFailure};
use super::{Context, Exit, Failure, Format};
use crate::host::git::{Fetch, Limits};
use crate::primitives::Digest;
use crate::publish::RELEASE_BRANCH;
use crate::report::VerifyReport;
use crate::tuf::UtcTime;
use crate::tuf::repository::{Audit, RepositorySummary};
use place::Place;

/// Audit a repository from its root up
///
/// Follows every version of root metadata, verifies the newest release as a gateway does, and reads
/// every bundle that it names. Says who has signed what, until when it counts, and what is wrong.
/// Where neither --root nor root/ has one it begins with the repository's own first root, on trust:
/// compare the digest that it prints with that of a gateway's /etc/tieline/root.json.
///
/// With --rebuild it also compiles the mesh again, from the commit that the release says it was built
/// from, and compares the bundles byte for byte: whoever had the release key could sign other
/// bundles than those of the commit, but not so that this would not show. It has to be the version
/// of Tieline that built them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Fetch the repository from this git server: https://, ssh://, user@host:path, git://, http://,
    /// file:// or an absolute path
    #[arg(conflicts_with = "repository")]
    remote: Option<String>,

    /// Read the repository from this web server: https://host/path/ or http://host/path/
    #[arg(long, value_name = "URL", conflicts_with_all = ["remote", "repository"])]
    mirror: Option<String>,

    /// The TUF repository, where it lies here
    #[arg(long, value_name = "DIR", default_value = "repository")]
    repository: Utf8PathBuf,

    #[command(flatten)]
    anchor: AnchorArgs,

    /// Build the bundles again from their commit, and compare
    #[arg(long)]
    rebuild: bool,

    /// The mesh to build from: where it lies in a checkout with that commit
    #[arg(long, value_name = "FILE", default_value = "mesh.yaml")]
    mesh: Utf8PathBuf,

    #[command(flatten)]
    access: Access,
}

/// Something that is wrong, and the exit code for it.
struct Problem {
    exit: Exit,
    text: String,
}

impl Problem {
    fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    // Removed at the end.
    let workspace = workspace("tieline-verify-")?;
    let repository = match (&args.remote, &args.mirror) {
        (None, None) => Place::directory(&args.repository, context),
        (None, Some(mirror)) => Place::mirror(mirror, &args.access, context)?,
        (Some(remote), _) => {
            let fetched = fetch(args, remote, workspace.1, context)?;
            Place::directory(&fetched, context)
        }
    };
    let anchor = repository.anchor(&args.anchor, context)?;
    let first = anchor.bytes;
    let audit = Audit::new(first.clone(), |request| {
        repository.read(request, context).map_err(AuditFailure::Read)
    })?;
    let summary = audit.summary(&first);
    let mut problems = expiries(&audit, &summary, UtcTime::from_clock(context.host.clock.now()));
    problems.extend(bundles::check(&audit, &summary, &repository, context)?);
    let rebuilt = if args.rebuild {
        rebuild::compare(&summary, &args.mesh, context)?
    } else {
        rebuild::Comparison::default()
    };
    problems.extend(rebuilt.problems());

    let mut report = report::verify_report(&audit, &summary, &rebuilt, &problems);
    report.root_given = anchor.is_own;
    report.root_sha256 = Digest::of(&first).to_string();
    show(&report, &problems, context)?;
    Ok(problems.first().map_or(Exit::Done, |problem| problem.exit))
}

fn fetch(
    args: &Args,
    remote: &str,
    directory: Utf8PathBuf,
    context: &mut Context,
) -> Result<Utf8PathBuf, Failure> {
    let fetch = Fetch {
        remote: args.access.remote(remote, context)?,
        branch: RELEASE_BRANCH.to_owned(),
        targets: true,
        directory,
        deadline: args.access.deadline(),
        limits: Limits::REPOSITORY,
    };
    let git = context.host.git;
    let fetched = context.terminal.work("fetching", || git.fetch(&fetch));
    let fetched = fetched.map_err(|error| {
        let hint = error.hint().map(str::to_owned);
        Failure { hint, ..Failure::new(Exit::NoRemote, &error) }
    })?;
    Ok(fetched.files)
}

/// What gateways do not take any more, although it was signed as it should be.
fn expiries(audit: &Audit, summary: &RepositorySummary, now: UtcTime) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(version) = audit.superseded() {
        let text = format!(
            "the newest release is signed with the keys of root {version}, which later roots have \
             replaced: `tieline sign` makes one that counts"
        );
        problems.push(Problem::new(Exit::Signature, text));
    }
    let root = summary.roots.last().map(|root| ("root".to_owned(), root.summary.expires));
    let others = summary.metadata.iter().map(|file| (file.role.clone(), file.expires));
    for (role, expires) in root.into_iter().chain(others).filter(|(_, expires)| *expires <= now) {
        let text = format!("the {role} metadata expired at {expires}");
        problems.push(Problem::new(Exit::Expired, text));
    }
    problems
}

fn show(report: &VerifyReport, problems: &[Problem], context: &mut Context) -> Result<(), Failure> {
    match context.format {
        Format::Json => context.json(report)?,
        Format::Human => context.terminal.result(&format!("{}\n", report.text()))?,
    }
    if !report.root_given {
        context.terminal.warn(&format!(
            "began with the repository's own first root, on trust: sha256 {}; name yours with \
             --root",
            report.root_sha256
        ));
    }
    for problem in problems {
        context.terminal.warn(&problem.text);
    }
    Ok(())
}
