//! `tieline publish`: a signed release goes to a git server.

use std::time::Duration;

use camino::Utf8PathBuf;

use super::trust::{KeySource, distrust};
use super::{Context, Exit, Failure, Format};
use crate::host::git::{Change, Remote, RemoteUrl, Token};
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

    /// Verify the repository from this root on, instead of its own first
    #[arg(long, value_name = "FILE")]
    root: Option<Utf8PathBuf>,

    /// Use the private key in FILE for ssh instead of the agent's keys
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<Utf8PathBuf>,

    /// Believe only the ssh host keys in FILE
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<Utf8PathBuf>,

    /// Believe only the certificate authorities in FILE (PEM) for https
    #[arg(long, value_name = "FILE")]
    ca: Option<Utf8PathBuf>,

    /// Use the token in FILE, or in the environment variable NAME, for https
    #[arg(long, value_name = "FILE|env:NAME")]
    token: Option<KeySource>,

    /// Give up an exchange with the server after SECONDS
    #[arg(long, value_name = "SECONDS", default_value = "600",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let remote = remote(args, context)?;
    let workspace = workspace()?;
    let root = args.root.as_ref().map(|path| context.path(path));
    let publication = Publication {
        repository: &context.path(&args.repository),
        root: root.as_deref(),
        remote: &remote,
        workspace: workspace.1,
        deadline: Duration::from_secs(args.timeout),
        dry_run: args.dry_run,
    };
    let host = context.host;
    let published = context
        .terminal
        .work("publishing", || publish(host.files, host.git, host.clock.now(), &publication))
        .map_err(|error| explain(&error))?;
    match context.format {
        Format::Human => context.terminal.note(&sentence(&published)),
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

fn remote(args: &Args, context: &Context) -> Result<Remote, Failure> {
    // Not parsed by clap, which would repeat a password in its message.
    let url: RemoteUrl = args.remote.parse().map_err(|error| Failure::new(Exit::Usage, &error))?;
    let path = |path: &Option<Utf8PathBuf>| path.as_ref().map(|path| context.path(path));
    let mut remote = Remote {
        ssh_key: path(&args.ssh_key),
        known_hosts: path(&args.known_hosts),
        ca: path(&args.ca),
        ssh_agent: args.ssh_key.is_none(),
        ..Remote::new(url)
    };
    match &args.token {
        Some(KeySource::Environment(name)) => {
            let token = context.host.environment.get(name).ok_or_else(|| {
                Failure::say(Exit::Usage, format!("the environment variable {name} is not set"))
            })?;
            remote.token = Some(Token::new(token.as_str().to_owned()));
        }
        Some(KeySource::File(file)) => remote.token_file = Some(context.path(file)),
        None => {}
    }
    remote.check().map_err(|error| Failure::new(Exit::Usage, &error))?;
    Ok(remote)
}

/// A directory that goes away with the first of the two.
fn workspace() -> Result<(tempfile::TempDir, Utf8PathBuf), Failure> {
    let unusable = |what: String| {
        Failure::say(Exit::Failure, format!("cannot make a temporary directory: {what}"))
    };
    let directory = tempfile::Builder::new().prefix("tieline-publish-").tempdir();
    let directory = directory.map_err(|error| unusable(error.to_string()))?;
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned());
    let path = path.map_err(|path| unusable(format!("{} is not UTF-8", path.display())))?;
    Ok((directory, path))
}

fn sentence(published: &Published) -> String {
    let number = published.release;
    if published.branches.is_empty() {
        return format!("nothing to publish: the remote has release {number}");
    }
    let groups =
        [(Change::Created, "created"), (Change::Updated, "updated"), (Change::Deleted, "deleted")];
    let counted = groups.into_iter().filter_map(|(change, word)| {
        let branches = published.branches.iter().filter(|&(_, &made)| made == change);
        let names: Vec<_> = branches.map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")))
    });
    let done = if published.dry_run { "would publish" } else { "published" };
    format!("{done} release {number}: {}", counted.collect::<Vec<_>>().join("; "))
}
