//! What a release is made of: the repository, the build, what is proposed.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use camino::Utf8Path;

use super::Options;
use crate::bundle::{self, Build};
use crate::cli::trust::{AuditFailure, Directory, refuse};
use crate::cli::{Context, Exit, Failure};
use crate::host::git::Follows;
use crate::primitives::{Digest, Name};
use crate::tuf::repository::{
    Audit, NewFile, ProposedMetadata, ProposedRelease, changed_delegations, load_proposed,
};
use crate::tuf::{Limits, Request, Role, RoleName};

/// The most that is read of build.json, in bytes; a gateway takes about 150.
const MAX_BUILD: u64 = 32 << 20;

/// The repository as it is, verified from `root` on.
pub(in crate::cli) fn audit(
    root: Vec<u8>,
    repository: &Directory,
    context: &Context,
) -> Result<Audit, Failure> {
    let read = |request: &Request| repository.read(request, context).map_err(AuditFailure::Read);
    Ok(Audit::new(root, read)?)
}

/// The same, as if release `number` were the newest.
pub(super) fn after(
    number: NonZeroU64,
    audit: Audit,
    repository: &Directory,
    context: &Context,
) -> Result<Audit, Failure> {
    let path = format!("metadata/{number}.targets.json");
    let request = Request { path, limit: Limits::GATEWAY.targets };
    let targets = repository.read(&request, context)?.ok_or_else(|| {
        let path = repository.path().join(&request.path);
        Failure::say(Exit::Failure, format!("{path} does not exist"))
            .hint("--after names the last release that you know to be yours")
    })?;
    audit.after(number, &targets).map_err(|error| refuse(&error))
}

/// build.json and the bundles it lists.
pub(in crate::cli) fn build(
    directory: &Utf8Path,
    context: &Context,
) -> Result<(Build, BTreeMap<Name, Vec<u8>>), Failure> {
    let directory = context.path(directory);
    let path = directory.join(Build::FILE);
    let build = listed(&path, context)?;
    let mut bundles = BTreeMap::new();
    for gateway in build.gateways.keys() {
        let path = directory.join(Build::bundle_file(gateway));
        let bytes = read(&path, bundle::Limits::GATEWAY.packed as u64, context)?;
        bundles.insert(gateway.clone(), bytes);
    }
    Ok((build, bundles))
}

fn listed(path: &Utf8Path, context: &Context) -> Result<Build, Failure> {
    let listed = read(path, MAX_BUILD, context).map_err(|f| f.hint("run `tieline build` first"))?;
    serde_json::from_slice(&listed).map_err(|error| {
        Failure::say(Exit::BadBundle, format!("{path} does not list a build: {error}"))
            .hint("`tieline build` writes it")
    })
}

/// The release that is proposed in the repository, with its bundles checked.
pub(super) fn proposed(
    repository: &Directory,
    audit: &Audit,
    team: Option<&RoleName>,
    context: &Context,
) -> Result<ProposedRelease, Failure> {
    let read = |path: &str| {
        let request = Request { path: path.to_owned(), limit: Limits::GATEWAY.targets };
        repository.read(&request, context).map_err(AuditFailure::Read)
    };
    let metadata = ProposedMetadata::read(audit, team, read)?.ok_or_else(|| {
        let places = ProposedMetadata::paths(audit, team);
        let place = repository.path().join(places.first().map_or("proposed", String::as_str));
        Failure::say(
            Exit::Failure,
            format!("no release is proposed that follows the newest: {place} is not there"),
        )
        .hint("`tieline sign --propose` makes one; a team's is meant with --as TEAM")
    })?;
    Ok(load_proposed(audit, metadata, read)?)
}

/// What whoever signs a proposed release should know of it: how its bundles compare with a build made
/// here, if there is one, as whoever builds from the same commit has the same bytes; and which teams
/// it gives other keys or gateways, which no bundle shows. Where nobody is asked, there has to be
/// such a build, and no such change: whoever can write into proposed/ would else have it signed.
pub(super) fn check_countersigned(
    options: &Options,
    audit: &Audit,
    proposal: &ProposedRelease,
    context: &Context,
) -> Result<Vec<String>, Failure> {
    // Once the first file has enough signatures, nobody decides about it any more.
    if proposal.metadata.open().is_none_or(|open| open.role() != Role::Targets) {
        return Ok(Vec::new());
    }
    let alone = options.signers.yes;
    let refused = |text: &str| {
        Failure::say(
            Exit::BadBundle,
            format!("with --yes nobody looks at what is proposed, and {text}"),
        )
    };
    let mut remarks = Vec::new();
    match compare(options.build(), proposal, context)? {
        Compared::Not(text) if alone => {
            return Err(refused(&text).hint(
                "run `tieline build` at the commit that it was built from; or leave out --yes, and \
                 look at it",
            ));
        }
        Compared::Same(text) | Compared::Not(text) => remarks.push(text),
    }
    let teams = Vec::from_iter(changed_delegations(audit, proposal));
    if !teams.is_empty() {
        let text = format!("it changes the keys or gateways of teams: {}", teams.join(", "));
        if alone {
            return Err(refused(&text).hint("look at it, and leave out --yes"));
        }
        remarks.push(text);
    }
    Ok(remarks)
}

/// Whether bundles are those that were built here, in words.
enum Compared {
    Same(String),
    Not(String),
}

fn compare(
    directory: &Utf8Path,
    proposal: &ProposedRelease,
    context: &Context,
) -> Result<Compared, Failure> {
    let path = context.path(directory).join(Build::FILE);
    if context.host.files.read(&path, 0).is_err_and(|error| error.is_not_found()) {
        let text = format!("there is no build in {directory}/ to compare its bundles with");
        return Ok(Compared::Not(text));
    }
    let build = listed(&path, context)?;
    let own = |gateway: &Name| build.gateways.get(gateway).map(|built| built.sha256);
    let theirs = |file: &NewFile| Some((file.gateway()?, Digest::of(&file.content)));
    let bundles: BTreeMap<_, _> = proposal.bundles.iter().filter_map(theirs).collect();
    let differ = bundles.iter().filter(|(gateway, digest)| own(gateway) != Some(**digest));
    let differ: Vec<_> = differ.map(|(gateway, _)| gateway.as_str()).collect();
    if differ.is_empty() {
        let text = format!("every bundle is the one in {directory}/, which was built here");
        return Ok(Compared::Same(text));
    }
    let differ = differ.join(", ");
    let text = format!("it has not the bundles in {directory}/, which were built here: {differ}");
    Ok(Compared::Not(text))
}

/// What a signer should know of a build of no commit, where the mesh lies in git: nobody can see what was
/// signed. Nobody is there to be told with `--yes`, so that is refused unless it is allowed.
pub(super) fn uncommitted(
    options: &Options,
    build: &Build,
    context: &Context,
) -> Result<Option<String>, Failure> {
    let mesh = context.path(&options.mesh);
    if build.source_commit.is_some() || !context.host.checkout.has(&mesh) {
        return Ok(None);
    }
    let text = format!(
        "the build is of no commit, though {mesh} lies in git: what is not committed, nobody can review or \
         build again"
    );
    if options.signers.yes && !options.uncommitted {
        return Err(Failure::say(Exit::Failure, text).hint(
            "commit the mesh and `tieline build` again, or say that you mean it with --uncommitted",
        ));
    }
    Ok(Some(text))
}

/// Refuses a build of a commit that the newest release's commit already contains: most likely an
/// old job of CI was started again. A clone that lacks the history to tell is refused as well.
pub(super) fn check_commit(
    audit: &Audit,
    proposal: &ProposedRelease,
    mesh: &Utf8Path,
    context: &Context,
) -> Result<(), Failure> {
    let (Some(before), Some(next)) = (audit.source_commit(), &proposal.source_commit) else {
        return Ok(());
    };
    let mesh = context.path(mesh);
    if before == *next {
        return Ok(());
    }
    let short = |commit: &str| commit.chars().take(12).collect::<String>();
    let (built, released) = (short(next), short(&before));
    let (message, hint) = match context.host.checkout.follows(&mesh, &before, next) {
        Follows::No | Follows::Unknown => return Ok(()),
        Follows::Yes => (
            format!(
                "the build is of commit {built}, and the newest release is of {released}, which comes \
                 after it"
            ),
            "build the newest commit; to go back, revert in git, or say that you mean it with --back",
        ),
        Follows::CutOff => (
            format!(
                "this is a shallow clone: whether commit {built} comes before {released}, which the \
                 newest release is of, cannot be seen"
            ),
            "fetch the whole history: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow; \
             --back signs whatever comes of it",
        ),
    };
    Err(Failure::say(Exit::Rollback, message).hint(hint))
}

pub(super) fn read(path: &Utf8Path, limit: u64, context: &Context) -> Result<Vec<u8>, Failure> {
    let bytes = context.host.files.read(path, limit);
    bytes.map_err(|error| Failure::new(Exit::Failure, &error))
}
