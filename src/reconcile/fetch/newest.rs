//! The newest release that any remote has: fetched, verified, remembered.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::remote_files::{Fault, RemoteFailure, RemoteFiles, untrusted};
use super::{ReleaseError, floor, metadata};
use crate::host::Source;
use crate::primitives::{Digest, error_chain};
use crate::reconcile::events::Event;
use crate::reconcile::gateway::Gateway;
use crate::tuf::{self, Stored, TrustError, Update, Validity, VerifiedBundle, VerifiedRelease};

/// What the remotes had.
#[derive(Debug)]
pub(in crate::reconcile) struct Newest {
    /// Its number.
    pub(in crate::reconcile) release: u64,
    /// The remote it came from.
    pub(in crate::reconcile) remote: Source,
    /// Its bundle for this gateway.
    pub(in crate::reconcile) bundle: NewestBundle,
}

/// The bundle that the newest release has for this gateway.
#[derive(Debug)]
pub(in crate::reconcile) enum NewestBundle {
    /// One that need not be downloaded.
    Known(Digest),
    /// Any other.
    Other(Box<VerifiedBundle>),
}

/// What one remote had.
struct Answer {
    bundle: NewestBundle,
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
/// A remote that failed is asked after the others for a while, unless somebody is watching. A bundle
/// that is `known`, because it is in use or is not to be, is not downloaded.
pub(in crate::reconcile) fn newest(
    gateway: &Gateway,
    known: &BTreeSet<Digest>,
) -> Result<Newest, ReleaseError> {
    let Gateway { machine, config, events, .. } = gateway;
    let start = Instant::now();
    let (mut unreachable, mut faults, mut hint) = (Vec::new(), Vec::new(), None);
    let mut refused: Option<ReleaseError> = None;
    let mut best: Option<(&Source, Answer)> = None;
    let noted = Backoff::load(machine.files, &config.paths.run, &machine.clock.boot());
    let mut backoff = noted.clone();
    let order = if gateway.attended {
        config.remotes.iter().collect()
    } else {
        noted.order(&config.remotes, &machine.clock.boot())
    };
    for (asked, remote) in order.iter().enumerate() {
        let left = config.deadline().saturating_sub(start.elapsed());
        let answer = ask(gateway, remote, share(left, order.len() - asked), known);
        if answer.as_ref().err().is_none_or(RemoteFailure::is_local) {
            backoff.note_answer(remote);
        } else if best.is_none() {
            backoff.note_failure(remote, &machine.clock.boot());
        }
        match answer {
            Ok(answer) => {
                // What is trusted only rises, so the last one is never behind the one before.
                let enough = answer.ending.is_empty();
                best = Some((remote, answer));
                if enough {
                    break;
                }
            }
            // Others are only asked whether they are ahead.
            Err(failure) if best.is_some() => events.progress(failure.text()),
            Err(RemoteFailure::Unreachable { message, hint: remedy, fault }) => {
                hint = hint.or(remedy);
                faults.push(fault);
                unreachable.push(message);
            }
            Err(RemoteFailure::Release(error)) => refused = refused.or(Some(error)),
        }
    }
    if backoff != noted {
        events.warn_of(backoff.save(machine.files, &config.paths.run));
    }
    let Some((remote, answer)) = best else {
        return Err(refused.unwrap_or_else(|| nothing(gateway, unreachable, &faults, hint)));
    };
    for message in unreachable {
        events.progress(message);
    }
    if let Some(error) = refused {
        events.warn(error_chain(&error));
    }
    for Validity { role, expires, .. } in &answer.ending {
        events.warn(format!("the {role} metadata expire at {expires}: sign them again"));
    }
    let (release, remote) = (answer.release, remote.clone());
    events.note(Event::Verified { release, remote: remote.clone() });
    Ok(Newest { release, remote, bundle: answer.bundle })
}

/// Why nothing came from any remote. What this host has to put right is said first: nobody can know
/// what the remotes would say then.
fn nothing(
    gateway: &Gateway,
    failures: Vec<String>,
    faults: &[Fault],
    hint: Option<String>,
) -> ReleaseError {
    if faults.contains(&Fault::Disk) {
        ReleaseError::Disk { failures }
    } else if faults.contains(&Fault::Configuration) {
        ReleaseError::Configuration { failures }
    } else if faults.iter().all(|fault| *fault == Fault::NothingForUs) && !faults.is_empty() {
        ReleaseError::NothingForUs { gateway: gateway.config.gateway.clone(), failures }
    } else {
        ReleaseError::NoRemote { failures, hint }
    }
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
    known: &BTreeSet<Digest>,
) -> Result<Answer, RemoteFailure> {
    let mut remote = RemoteFiles::open(gateway, source, left)?;
    let refuse = |error| untrusted(source, error);
    let release = update(gateway, source, &mut remote)?;
    let answer = |bundle| Answer { bundle, release: release.number(), ending: release.ending() };
    let target = release.target(&gateway.config.gateway).map_err(refuse)?;
    let digest = target.digest();
    if known.contains(&digest) {
        return Ok(answer(NewestBundle::Known(digest)));
    }
    let path = target.request().path;
    // A little more than its length is read as well: a mix-up is recognised by the digest.
    let bytes = remote.read(&path, tuf::Limits::GATEWAY.bundle)?;
    let missing = || refuse(TrustError::Missing { file: path.clone() });
    let bundle = target.accept(bytes.ok_or_else(missing)?).map_err(refuse)?;
    Ok(answer(NewestBundle::Other(Box::new(bundle))))
}

/// Follows the metadata from the root down, and remembers what is trusted by then, also where the
/// way ends early: a key that was revoked stays revoked.
fn update(
    gateway: &Gateway,
    source: &Source,
    remote: &mut RemoteFiles,
) -> Result<VerifiedRelease, RemoteFailure> {
    let paths = &gateway.config.paths;
    let files = gateway.machine.files;
    let kept = metadata::read(files, paths).map_err(ReleaseError::Metadata)?;
    let provisioned = || metadata::provisioned(files, paths).map_err(ReleaseError::NoRoot);
    let stored = kept.stored(provisioned)?;
    let mut update = begin(gateway, &stored)?;
    let followed = follow(gateway, source, remote, &mut update);
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
    remote: &mut RemoteFiles,
    update: &mut Update,
) -> Result<(), RemoteFailure> {
    let refuse = |error| untrusted(source, error);
    update.seek_bundle(&gateway.config.gateway).map_err(refuse)?;
    while let Some(request) = update.next() {
        let bytes = remote.read(&request.path, request.limit)?;
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
