//! Several branches go out.

use std::cell::RefCell;
use std::collections::BTreeMap;

use git2::{Direction, Oid, PushOptions, Repository};

use super::commit::{self, Blobs};
use super::connect::Link;
use super::failure::{Fail as _, failure, one_line};
use super::fetch;
use super::scratch::Directory;
use crate::host::git::protocol::Request;
use crate::host::git::{Branch, Change, FailureKind, GitFailure, History, Limits, Pushed};

/// What is to be pushed.
pub(super) struct Wanted<'a> {
    pub(super) steps: &'a [Vec<Branch>],
    pub(super) prune: Option<&'a str>,
    pub(super) dry_run: bool,
}

/// The branches of the remote.
type Heads = BTreeMap<String, Oid>;

/// One branch to change: from which commit, to which.
struct Update {
    branch: String,
    from: Option<Oid>,
    to: Option<Oid>,
    replace: bool,
}

/// Makes the commits, compares them with what the remote has, and pushes what differs.
pub(super) fn push(
    request: &Request,
    wanted: &Wanted,
    directory: &Directory,
) -> Result<Pushed, GitFailure> {
    let scratch = directory.scratch()?;
    let repository = scratch.used();
    let heads = survey(request, repository)?;
    let mut blobs = Blobs::default();
    let mut steps = Vec::new();
    for step in wanted.steps {
        let mut updates = Vec::new();
        for branch in step {
            updates.extend(update(request, repository, branch, &heads, &mut blobs)?);
        }
        steps.push(updates);
    }
    let deletions = wanted.deletions(&heads);
    match steps.last_mut() {
        Some(last) => last.extend(deletions),
        None => steps.push(deletions),
    }
    if !wanted.dry_run {
        let mut expected = heads;
        for updates in steps.iter().filter(|updates| !updates.is_empty()) {
            send(request, repository, wanted, updates, &expected)?;
            for update in updates {
                match update.to {
                    Some(to) => expected.insert(update.branch.clone(), to),
                    None => expected.remove(&update.branch),
                };
            }
        }
    }
    let changes = steps.iter().flatten().map(|update| (update.branch.clone(), update.change()));
    Ok(Pushed { changes: changes.collect() })
}

impl Update {
    fn change(&self) -> Change {
        match (self.from, self.to) {
            (_, None) => Change::Deleted,
            (None, Some(_)) => Change::Created,
            (Some(_), Some(_)) => Change::Updated,
        }
    }

    /// As a refspec (git-push(1), "<refspec>").
    fn refspec(&self) -> String {
        let force = if self.replace { "+" } else { "" };
        match self.to {
            Some(_) => format!("{force}{}:refs/heads/{}", local_ref(&self.branch), self.branch),
            None => format!(":refs/heads/{}", self.branch),
        }
    }
}

/// The branches of the remote as they are now. Reading is enough for that.
fn survey(request: &Request, repository: &Repository) -> Result<Heads, GitFailure> {
    let link = Link::new(request, &Limits::REPOSITORY);
    let explain = |error: git2::Error| link.explain(&error);
    let mut remote = repository.remote_anonymous(request.remote.url.as_str()).map_err(explain)?;
    let connection = remote
        .connect_auth(Direction::Fetch, Some(link.callbacks()), Some(Link::proxy()))
        .map_err(explain)?;
    Ok(branches(connection.list().map_err(explain)?))
}

fn branches(heads: &[git2::RemoteHead]) -> Heads {
    let branch = |head: &git2::RemoteHead| {
        let name = head.name().strip_prefix("refs/heads/")?;
        Some((name.to_owned(), head.oid()))
    };
    heads.iter().filter_map(branch).collect()
}

/// The commit a branch is to have, unless it has that content already.
fn update(
    request: &Request,
    repository: &Repository,
    branch: &Branch,
    heads: &Heads,
    blobs: &mut Blobs,
) -> Result<Option<Update>, GitFailure> {
    let from = heads.get(&branch.name).copied();
    let tree = commit::tree(repository, branch, blobs)?;
    let (to, replace) = match &branch.history {
        History::Replace => (commit::commit(repository, branch, tree, None)?, true),
        History::Append(onto) => {
            if from.map(|id| id.to_string()) != *onto {
                return Err(moved(&branch.name));
            }
            if from.is_some() {
                let link = Link::new(request, &Limits::REPOSITORY);
                let parent = fetch::download(repository, &link, request, &branch.name)?;
                if Some(parent) != from {
                    return Err(moved(&branch.name));
                }
                let parent = repository.find_commit(parent).fail(|| "cannot read it".into())?;
                if parent.tree_id() == tree {
                    return Ok(None);
                }
            }
            (commit::commit(repository, branch, tree, from)?, false)
        }
    };
    if from == Some(to) {
        return Ok(None);
    }
    let local = repository.reference(&local_ref(&branch.name), to, true, "");
    local.fail(|| format!("{:?} cannot be the name of a branch", branch.name))?;
    Ok(Some(Update { branch: branch.name.clone(), from, to: Some(to), replace }))
}

/// Where a branch's commit is in the scratch repository.
fn local_ref(branch: &str) -> String {
    format!("refs/tieline/push/{branch}")
}

impl Wanted<'_> {
    fn names(&self, branch: &str) -> bool {
        self.steps.iter().flatten().any(|wanted| wanted.name == branch)
    }

    fn prunes(&self, branch: &str) -> bool {
        self.prune.is_some_and(|prefix| branch.starts_with(prefix)) && !self.names(branch)
    }

    /// The branches that nobody wants any more.
    fn deletions(&self, heads: &Heads) -> Vec<Update> {
        let gone = heads.iter().filter(|(name, _)| self.prunes(name));
        let delete = |(name, id): (&String, &Oid)| Update {
            branch: name.clone(),
            from: Some(*id),
            to: None,
            replace: true,
        };
        gone.map(delete).collect()
    }

    /// A branch of ours that is not what it was. Others may change: people keep mesh.yaml in the
    /// same repository.
    fn different<'h>(&self, heads: &'h Heads, expected: &'h Heads) -> Option<&'h str> {
        let names = heads.keys().chain(expected.keys()).map(String::as_str);
        let mut ours = names.filter(|name| self.names(name) || self.prunes(name));
        ours.find(|&name| heads.get(name) != expected.get(name))
    }
}

/// Pushes one step over one connection.
///
/// The server is told for every branch which commit it replaces and refuses if it has another by
/// then (gitprotocol-pack(5), "Reference Update Request"). That commit is the one advertised at
/// the beginning of the connection, so what is advertised is compared with what was planned on.
fn send(
    request: &Request,
    repository: &Repository,
    wanted: &Wanted,
    updates: &[Update],
    expected: &Heads,
) -> Result<(), GitFailure> {
    let link = Link::new(request, &Limits::REPOSITORY);
    let explain = |error: git2::Error| link.explain(&error);
    let rejected = RefCell::new(Vec::new());
    let mut remote = repository.remote_anonymous(request.remote.url.as_str()).map_err(explain)?;
    let mut connection = remote
        .connect_auth(Direction::Push, Some(link.callbacks()), Some(Link::proxy()))
        .map_err(explain)?;
    let heads = branches(connection.list().map_err(explain)?);
    if let Some(name) = wanted.different(&heads, expected) {
        return Err(moved(name));
    }
    let mut callbacks = link.callbacks();
    callbacks.push_update_reference(|name, status| {
        if let Some(reason) = status {
            let name = name.strip_prefix("refs/heads/").unwrap_or(name);
            rejected.borrow_mut().push(one_line(&format!("{name} ({reason})")));
        }
        Ok(())
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks).proxy_options(Link::proxy());
    let refspecs: Vec<_> = updates.iter().map(Update::refspec).collect();
    let sent = connection.remote().push(&refspecs, Some(&mut options));
    drop(options);
    let rejected = rejected.into_inner();
    if !rejected.is_empty() {
        return Err(GitFailure {
            hint: Some(
                "CI must be allowed to force-push and delete gateway/* and to push release; \
                 see what the server's branch rules and hooks say"
                    .into(),
            ),
            ..failure(FailureKind::Rejected, format!("it refuses {}", rejected.join(", ")))
        });
    }
    sent.map_err(explain)
}

fn moved(branch: &str) -> GitFailure {
    GitFailure {
        hint: Some("somebody else publishes at the same time: run it again".into()),
        ..failure(FailureKind::Rejected, format!("branch {branch} has changed meanwhile"))
    }
}
