//! The newest release that any remote has: fetched, verified, remembered.

use std::time::{Duration, Instant};

use super::aside::SetAside;
use super::served::{Served, Trouble, untrusted};
use super::{Gateway, History, Rejected, ReleaseError, Report, floor, metadata};
use crate::host::Source;
use crate::primitives::{Digest, sentence};
use crate::tuf::{self, Stored, TrustError, Update, Validity, VerifiedBundle, VerifiedRelease};

/// What the remotes had.
#[derive(Debug)]
pub(super) enum Newest {
    /// A release whose bundle for this gateway is the one in use.
    Same,
    /// A release whose bundle is not used again: it is not asked for, either.
    Rejected(Rejected),
    /// A release with another bundle.
    Other(Box<VerifiedBundle>),
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
            Err(Trouble::Unreachable { message, hint: remedy, .. }) => {
                hint = hint.or(remedy);
                unreachable.push(message);
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

/// The part of the time that is `left` for one of the remotes still to be asked, so that one that
/// drips does not keep the others from being heard.
fn share(left: Duration, to_ask: usize) -> Duration {
    left / u32::try_from(to_ask).unwrap_or(u32::MAX).max(1)
}

fn ask(
    gateway: &Gateway,
    source: &Source,
    left: Duration,
    active: Option<Digest>,
) -> Result<Found, Trouble> {
    let mut served = Served::open(gateway, source, left)?;
    let refuse = |error| untrusted(source, error);
    let release = update(gateway, source, &mut served)?;
    let found = |newest| Found { newest, release: release.number(), ending: release.ending() };
    let target = release.target(&gateway.config.gateway).map_err(refuse)?;
    let digest = target.digest();
    if Some(digest) == active {
        return Ok(found(Newest::Same));
    }
    let history = History::load(gateway.machine.files, &gateway.config.paths.state);
    if let Some(rejected) = history.rejection(digest) {
        return Ok(found(Newest::Rejected(rejected.clone())));
    }
    let path = target.request().path;
    // A little more than its length is read as well: a mix-up is recognised by the digest.
    let bytes = served.read(&path, tuf::Limits::GATEWAY.bundle)?;
    let missing = || refuse(TrustError::Missing { file: path.clone() });
    let bundle = target.accept(bytes.ok_or_else(missing)?).map_err(refuse)?;
    Ok(found(Newest::Other(Box::new(bundle))))
}

/// Follows the metadata from the root down, and remembers what is trusted by then, also where the
/// way ends early: a key that was revoked stays revoked.
fn update(
    gateway: &Gateway,
    source: &Source,
    served: &mut Served,
) -> Result<VerifiedRelease, Trouble> {
    let paths = &gateway.config.paths;
    let files = gateway.machine.files;
    let kept = metadata::read(files, paths).map_err(ReleaseError::Metadata)?;
    let provisioned = || metadata::provisioned(files, paths).map_err(ReleaseError::NoRoot);
    let stored = kept.stored(provisioned)?;
    let mut update = begin(gateway, &stored)?;
    let followed = follow(gateway, source, served, &mut update);
    kept.save(files, &update).map_err(ReleaseError::Metadata)?;
    followed?;
    let release = update.finish().map_err(|error| untrusted(source, error))?;
    let floor = floor::check(files, &paths.state, &release).map_err(ReleaseError::Metadata)?;
    floor.map_err(|error| untrusted(source, error))?;
    Ok(release)
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
    source: &Source,
    served: &mut Served,
    update: &mut Update,
) -> Result<(), Trouble> {
    let refuse = |error| untrusted(source, error);
    update.seek_bundle(&gateway.config.gateway).map_err(refuse)?;
    while let Some(request) = update.next() {
        let bytes = served.read(&request.path, request.limit)?;
        update.supply(bytes).map_err(refuse)?;
    }
    Ok(())
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
