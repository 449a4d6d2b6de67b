//! One branch comes as plain files.

use camino::Utf8Path;
use git2::{AutotagOption, Direction, FetchOptions, Oid, Remote, Repository};

use super::connect::Link;
use super::failure::{Fail as _, failure};
use super::scratch::Directory;
use super::snapshot::{self, Wanted};
use crate::host::git::protocol::Request;
use crate::host::git::{FailureKind, Fetched, GitFailure, Limits, Scheme};
use crate::host::{Files as _, RealFiles};

/// Where the fetched commit is kept while we are at it.
const FETCHED: &str = "refs/tieline/fetched";

/// Fetches the branch unless the files of its newest commit are there already. They appear whole
/// under their commit's id; those of older commits go.
pub(super) fn fetch(
    request: &Request,
    wanted: &Wanted,
    directory: &Directory,
) -> Result<Fetched, GitFailure> {
    let scratch = directory.scratch()?;
    let repository = scratch.repository();
    let link = Link::new(request, wanted.limits);
    let explain = |error: git2::Error| link.explain(&error);

    let mut remote = repository.remote_anonymous(request.remote.url.as_str()).map_err(explain)?;
    let mut connection = remote
        .connect_auth(Direction::Fetch, Some(link.callbacks()), Some(Link::proxy()))
        .map_err(explain)?;
    let name = format!("refs/heads/{}", wanted.branch);
    let heads = connection.list().map_err(explain)?;
    let tip = heads.iter().find(|head| head.name() == name).map(git2::RemoteHead::oid);
    let tip = tip.ok_or_else(|| no_branch(wanted.branch))?;
    let kept = directory.join("files");
    let found = kept.join(tip.to_string());
    if snapshot::is_whole(&found) {
        return Ok(Fetched { commit: tip.to_string(), files: found, received: 0 });
    }

    scratch.used();
    let refspec = format!("+{name}:{FETCHED}");
    let mut options = options(request.remote.url.scheme());
    options.remote_callbacks(link.callbacks()).proxy_options(Link::proxy());
    connection.remote().fetch(&[&refspec], Some(&mut options), None).map_err(explain)?;
    // A fetch of a branch that went away meanwhile succeeds and brings nothing.
    let commit = repository.refname_to_id(FETCHED).map_err(|_| no_branch(wanted.branch))?;
    let received = connection.remote().stats().received_bytes() as u64;
    drop(connection);

    let staged = directory.join("staged");
    let files = kept.join(commit.to_string());
    let local = |what: &'static str| move || what.to_owned();
    RealFiles.remove(&staged).fail(local("cannot clear what an earlier run left"))?;
    snapshot::write(repository, commit, wanted, &staged)?;
    RealFiles.create_dir(&kept).fail(local("cannot keep the files"))?;
    RealFiles.remove(&files).fail(local("cannot replace damaged files"))?;
    RealFiles.rename(&staged, &files).fail(local("cannot keep the files"))?;
    prune(&kept, &commit.to_string())?;
    Ok(Fetched { commit: commit.to_string(), files, received })
}

/// Removes what was fetched before, but for the newest of it: where one of two remotes is behind,
/// both are asked again and again, and neither is to send again what it has sent.
fn prune(kept: &Utf8Path, commit: &str) -> Result<(), GitFailure> {
    let mut others = Vec::new();
    for name in RealFiles.list(kept).fail(|| "cannot find older files".into())? {
        if name != commit {
            let path = kept.join(name);
            let written = path.symlink_metadata().and_then(|metadata| metadata.modified()).ok();
            others.push((written, path));
        }
    }
    others.sort();
    others.pop();
    others.iter().try_for_each(|(_, path)| {
        RealFiles.remove(path).fail(|| "cannot remove older files".into())
    })
}

/// Connects, and reads the list of branches. That takes no room on the disk: whether a release is
/// healthy must not depend on what it left of that.
pub(super) fn reach(request: &Request) -> Result<(), GitFailure> {
    let link = Link::new(request, &Limits::SLICE);
    let explain = |error: git2::Error| link.explain(&error);
    let mut remote = Remote::create_detached(request.remote.url.as_str()).map_err(explain)?;
    let connection = remote
        .connect_auth(Direction::Fetch, Some(link.callbacks()), Some(Link::proxy()))
        .map_err(explain)?;
    connection.list().map(drop).map_err(explain)
}

/// Brings one commit and what it holds into `repository`.
pub(super) fn download(
    repository: &Repository,
    link: &Link,
    request: &Request,
    branch: &str,
) -> Result<Oid, GitFailure> {
    let explain = |error: git2::Error| link.explain(&error);
    let mut remote = repository.remote_anonymous(request.remote.url.as_str()).map_err(explain)?;
    let mut options = options(request.remote.url.scheme());
    options.remote_callbacks(link.callbacks()).proxy_options(Link::proxy());
    let refspec = format!("+refs/heads/{branch}:{FETCHED}");
    remote.fetch(&[&refspec], Some(&mut options), None).map_err(explain)?;
    repository.refname_to_id(FETCHED).map_err(|_| no_branch(branch))
}

/// The newest commit and nothing before it, where the transport can.
fn options<'a>(scheme: Scheme) -> FetchOptions<'a> {
    let mut options = FetchOptions::new();
    options.download_tags(AutotagOption::None).update_fetchhead(false);
    if scheme != Scheme::File {
        options.depth(1);
    }
    options
}

fn no_branch(branch: &str) -> GitFailure {
    GitFailure {
        hint: Some("`tieline publish` makes it; check the gateway's name and the remote".into()),
        ..failure(FailureKind::NoBranch, format!("branch {branch} is not on the remote"))
    }
}
