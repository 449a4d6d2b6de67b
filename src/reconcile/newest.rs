//! The newest release that any remote has: fetched, verified, remembered.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};

use super::aside::SetAside;
use super::{Gateway, Report, metadata};
use crate::host::FileError;
use crate::host::git::{FailureKind, Fetch, GitError, Limits, Remote};
use crate::primitives::{Digest, sentence};
use crate::tuf::{self, Stored, TrustError, Update, Validity, VerifiedBundle, VerifiedRelease};

/// What the remotes had.
#[derive(Debug)]
pub(super) enum Newest {
    /// A release whose bundle for this gateway is the one in use.
    Same,
    /// A release with another bundle.
    Other(Box<VerifiedBundle>),
}

/// Why there is no release to go by.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// No remote could be asked.
    #[error("no remote answered: {}", failures.join("; "))]
    NoRemote {
        /// What happened with each.
        failures: Vec<String>,
        /// What to do about the first, where that is known.
        hint: Option<String>,
    },
    /// No remote had anything to trust.
    #[error("{remote} is not trusted")]
    Untrusted {
        /// The first remote that answered.
        remote: String,
        /// What is wrong with what it has.
        source: Box<TrustError>,
    },
    /// Its files could not be read.
    #[error("cannot read what was fetched from {remote}")]
    Fetched {
        /// The remote.
        remote: String,
        /// What could not be read.
        source: FileError,
    },
    /// There is no root to trust.
    #[error("this gateway has no trusted root, so it can trust no release")]
    NoRoot(#[source] FileError),
    /// What is provisioned as root is none.
    #[error("{path} is no root to trust")]
    BadRoot {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: Box<TrustError>,
    },
    /// The trusted metadata could not be read or written.
    #[error("cannot keep the trusted metadata")]
    Metadata(#[source] FileError),
}

/// Why one remote is of no use. The next one is tried.
enum Trouble {
    Git(GitError),
    Release(ReleaseError),
}

/// What one remote had.
struct Found {
    newest: Newest,
    release: u64,
    /// What of its metadata will soon have expired.
    ending: Vec<Validity>,
}

/// Asks the remotes in their order, each for its share of the deadline, until one has a
/// release that can be trusted and whose metadata are not about to expire: a remote that is valid but
/// behind is believed until then, and no longer if another one is ahead. A remote can at
/// worst withhold: what it sends is verified, and what is wrong with it becomes a warning if another
/// one is fine.
///
/// Who failed is asked after the others for a while, unless somebody is watching.
pub(super) fn newest(
    gateway: &Gateway,
    active: Option<Digest>,
    report: &mut Report,
) -> Result<Newest, ReleaseError> {
    let Gateway { machine, config, .. } = gateway;
    let start = Instant::now();
    let (mut unreachable, mut hint) = (Vec::new(), None);
    let mut refused: Option<ReleaseError> = None;
    let mut best: Option<Found> = None;
    let noted = SetAside::load(machine.files, &config.paths.run, &machine.clock.boot());
    let mut aside = noted.clone();
    let order = if gateway.attended {
        config.remotes.iter().collect()
    } else {
        noted.order(&config.remotes, &machine.clock.boot())
    };
    for (asked, remote) in order.iter().enumerate() {
        let left = config.deadline().saturating_sub(start.elapsed());
        let answer = ask(gateway, remote, share(left, order.len() - asked), active);
        if answer.as_ref().err().is_none_or(Trouble::is_ours) {
            aside.answered(remote);
        } else if best.is_none() {
            aside.failed(remote, &machine.clock.boot());
        }
        match answer {
            Ok(found) => {
                report.remote = Some((*remote).clone());
                // What is trusted only rises, so the last one is never behind the one before.
                let enough = found.ending.is_empty();
                best = Some(found);
                if enough {
                    break;
                }
            }
            // Others are only asked whether they are ahead.
            Err(trouble) if best.is_some() => report.steps.push(trouble.sentence()),
            Err(Trouble::Git(error)) => {
                hint = hint.or_else(|| error.hint().map(str::to_owned));
                unreachable.push(sentence(&error));
            }
            Err(Trouble::Release(error)) => refused = refused.or(Some(error)),
        }
    }
    if aside != noted
        && let Err(error) = aside.save(machine.files, &config.paths.run)
    {
        report.warnings.push(sentence(&error));
    }
    let Some(found) = best else {
        return Err(refused.unwrap_or(ReleaseError::NoRemote { failures: unreachable, hint }));
    };
    report.steps.extend(unreachable);
    report.warnings.extend(refused.map(|error| sentence(&error)));
    for Validity { role, expires, .. } in &found.ending {
        report.warnings.push(format!("the {role} metadata expire at {expires}: sign them again"));
    }
    report.release = Some(found.release);
    Ok(found.newest)
}

impl Trouble {
    /// Whether it is this host that cannot, and no remote's fault.
    fn is_ours(&self) -> bool {
        match self {
            Self::Git(GitError::Spawn(_) | GitError::Directory(_)) => true,
            Self::Git(error) => error.kind() == Some(FailureKind::Local),
            Self::Release(error) => !matches!(error, ReleaseError::Untrusted { .. }),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Git(error) => sentence(error),
            Self::Release(error) => sentence(error),
        }
    }
}

/// The part of the time that is `left` for one of the remotes still to be asked, so that one that
/// drips does not keep the others from being heard.
fn share(left: Duration, to_ask: usize) -> Duration {
    left / u32::try_from(to_ask).unwrap_or(u32::MAX).max(1)
}

fn ask(
    gateway: &Gateway,
    remote: &Remote,
    left: Duration,
    active: Option<Digest>,
) -> Result<Found, Trouble> {
    let fetch = Fetch {
        remote: remote.clone(),
        branch: format!("gateway/{}", gateway.config.gateway),
        targets: true,
        directory: gateway.config.paths.state.join("git"),
        deadline: left,
        limits: Limits::SLICE,
    };
    let fetched = gateway.machine.remotes.fetch(&fetch).map_err(Trouble::Git)?;
    verify(gateway, remote, &fetched.files, active).map_err(Trouble::Release)
}

fn verify(
    gateway: &Gateway,
    remote: &Remote,
    fetched: &Utf8Path,
    active: Option<Digest>,
) -> Result<Found, ReleaseError> {
    let untrusted = |source| untrusted(remote, source);
    let release = update(gateway, remote, fetched)?;
    let found = |newest| Found { newest, release: release.number(), ending: release.ending() };
    let target = release.target(&gateway.config.gateway).map_err(untrusted)?;
    if Some(target.digest()) == active {
        return Ok(found(Newest::Same));
    }
    let path = target.request().path;
    // A little more than its length is read as well: a mix-up is recognised by the digest.
    let bytes = read(gateway, remote, fetched, &path, tuf::Limits::GATEWAY.bundle)?;
    let missing = || untrusted(TrustError::Missing { file: path.clone() });
    let bundle = target.accept(bytes.ok_or_else(missing)?).map_err(untrusted)?;
    Ok(found(Newest::Other(Box::new(bundle))))
}

/// Follows the metadata from the root down, and remembers what is trusted by then, also where the
/// way ends early: a key that was revoked stays revoked.
fn update(
    gateway: &Gateway,
    remote: &Remote,
    fetched: &Utf8Path,
) -> Result<VerifiedRelease, ReleaseError> {
    let untrusted = |source| untrusted(remote, source);
    let paths = &gateway.config.paths;
    let files = gateway.machine.files;
    let kept = metadata::read(files, paths).map_err(ReleaseError::Metadata)?;
    let stored =
        kept.stored(|| metadata::provisioned(files, paths)).map_err(|error| match error {
            error if error.is_not_found() => ReleaseError::NoRoot(error),
            error => ReleaseError::Metadata(error),
        })?;
    let mut update = begin(gateway, &stored)?;
    let followed = follow(gateway, remote, fetched, &mut update);
    kept.save(files, &update).map_err(ReleaseError::Metadata)?;
    followed?;
    update.finish().map_err(untrusted)
}

/// Begins with the root that is kept or, where that is damaged, with the one provisioned.
fn begin(gateway: &Gateway, stored: &Stored) -> Result<Update, ReleaseError> {
    let paths = &gateway.config.paths;
    let now = gateway.machine.clock.now();
    if let Ok(update) = Update::start(stored.clone(), now) {
        return Ok(update);
    }
    let root = metadata::provisioned(gateway.machine.files, paths).map_err(ReleaseError::NoRoot)?;
    Update::start(Stored { root, ..stored.clone() }, now).map_err(|source| ReleaseError::BadRoot {
        path: paths.root.clone(),
        source: Box::new(source),
    })
}

fn follow(
    gateway: &Gateway,
    remote: &Remote,
    fetched: &Utf8Path,
    update: &mut Update,
) -> Result<(), ReleaseError> {
    update.seek_bundle(&gateway.config.gateway).map_err(|source| untrusted(remote, source))?;
    while let Some(request) = update.next() {
        let bytes = read(gateway, remote, fetched, &request.path, request.limit)?;
        update.supply(bytes).map_err(|source| untrusted(remote, source))?;
    }
    Ok(())
}

/// A fetched file; `None` where the remote has none.
fn read(
    gateway: &Gateway,
    remote: &Remote,
    fetched: &Utf8Path,
    path: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, ReleaseError> {
    match gateway.machine.files.read(&fetched.join(path), limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(FileError::TooLarge { limit, .. }) => {
            Err(untrusted(remote, TrustError::TooLarge { file: path.to_owned(), limit }))
        }
        Err(source) => Err(ReleaseError::Fetched { remote: remote.url.to_string(), source }),
    }
}

fn untrusted(remote: &Remote, source: TrustError) -> ReleaseError {
    ReleaseError::Untrusted { remote: remote.url.to_string(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_remote_takes_the_time_of_the_next() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(60), 3), seconds(20));
        assert_eq!(share(seconds(60), 1), seconds(60));
        assert_eq!(share(seconds(0), 2), seconds(0));
        assert_eq!(share(seconds(60), 0), seconds(60));
    }
}
