//! `tieline reconcile`: bring this gateway to the newest release.

use super::gateway::{ConfigArgs, Parts};
use super::{Context, Exit, Failure};
use crate::primitives::Name;
use crate::reconcile::{self, Alarm, Refusal, ReleaseError, Report, RunError};
use crate::tuf::TrustErrorKind;

/// The codes of this command, for monitoring. [`Exit`] has them all.
const EXIT_CODES: &str = "\
Exit codes:
   0  converged            20  signature wrong or missing     64  wrong usage
   2  changed, with        21  release older than trusted     75  another run holds the lock
      --detailed-exitcode  22  for another gateway or mesh    78  this gateway's configuration
  10  no remote answered   23  not a bundle as it must be      1  anything else
  11  metadata expired     24  forbidden by local policy
  30  the newest release failed here and was rolled back
  31  rolling back failed: somebody has to have a look";

/// Bring this gateway to the newest release: fetch, verify, apply
///
/// Made for cron and systemd timers: it takes a second, prints nothing when nothing changed and
/// one line when something did. It needs no network to repair what a reboot or a dead process
/// left; whatever it refuses leaves the running mesh alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,

    /// Exit with 2 instead of 0 if anything was changed
    #[arg(long)]
    detailed_exitcode: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let parts = Parts::new(&config);
    let gateway = parts.gateway(context, &config)?;
    let wait = reconcile::splay(&config);
    if !gateway.attended && !wait.is_zero() {
        let seconds = wait.as_secs_f32();
        context.terminal.step(&format!("{}: waits {seconds:.1} s, see splay", config.gateway));
        context.host.clock.sleep(wait);
    }
    let mut report = Report::default();
    let ended = reconcile::run(&gateway, &mut report);
    tell(&config.gateway, &report, context);
    if let Err(error) = ended {
        let failure = failure(&config.gateway, &error);
        return if expected(&error, &report, context) {
            context.terminal.step(&failure.message);
            Ok(failure.exit)
        } else {
            Err(failure)
        };
    }
    Ok(if report.changed() && args.detailed_exitcode { Exit::Changed } else { Exit::Done })
}

/// Whether nobody needs to be told, because somebody was: cron mails whatever is printed, and the
/// same mail every minute is one that nobody reads. The exit code and `status` say it all the time.
fn expected(error: &RunError, report: &Report, context: &Context) -> bool {
    match error {
        RunError::RolledBack { .. } | RunError::RollbackFailed { .. } | RunError::Alarm(_) => {
            report.error_repeated
        }
        RunError::Locked { confirming, .. } => *confirming && !context.terminal.is_attended(),
        _ => false,
    }
}

/// Says what a run did.
pub(super) fn tell(gateway: &Name, report: &Report, context: &mut Context) {
    for step in &report.steps {
        context.terminal.step(&format!("{gateway}: {step}"));
    }
    for warning in &report.warnings {
        let text = format!("{gateway}: {warning}");
        // Cron mails whatever is printed; every minute the same mail is one that nobody reads.
        if report.repeated.contains(warning) {
            context.terminal.step(&text);
        } else {
            context.terminal.warn(&text);
        }
    }
    let summary = report.summary();
    if !summary.is_empty() {
        context.terminal.note(&format!("{gateway}: {summary}"));
    }
}

/// Why a run ended as it did, what to do about it, and with which code.
pub(super) fn failure(gateway: &Name, error: &RunError) -> Failure {
    let mut failure = Failure::new(exit(error), error);
    failure.message = format!("{gateway}: {}", failure.message);
    failure.hint(hint(error))
}

fn exit(error: &RunError) -> Exit {
    match error {
        RunError::Locked { .. } => Exit::Locked,
        RunError::Release(ReleaseError::NoRemote { .. }) => Exit::NoRemote,
        RunError::Release(ReleaseError::NoRoot(_) | ReleaseError::BadRoot { .. }) => {
            Exit::Configuration
        }
        RunError::Release(ReleaseError::Untrusted { source, .. })
        | RunError::Bundle { source, .. } => source.kind().into(),
        RunError::Refused(refusal) => match refusal {
            Refusal::Forbidden { .. } => Exit::Forbidden,
            _ => Exit::WrongGateway,
        },
        RunError::RolledBack { .. } | RunError::Undone { .. } => Exit::RolledBack,
        RunError::RollbackFailed { .. } | RunError::Alarm(_) => Exit::RollbackFailed,
        _ => Exit::Failure,
    }
}

/// What to do about it.
fn hint(error: &RunError) -> String {
    let text = match error {
        RunError::Locked { .. } => "wait until it has ended; each run is limited in time",
        RunError::Release(ReleaseError::NoRemote { hint: Some(hint), .. }) => {
            return hint.clone();
        }
        RunError::Release(ReleaseError::NoRemote { .. }) => {
            "tunnels stay as they are; look at `remotes` in gateway.yaml and at the way there"
        }
        RunError::Release(ReleaseError::NoRoot(_) | ReleaseError::BadRoot { .. }) => {
            "copy the mesh's root.json, from somebody you trust, to where `paths.root` of \
             gateway.yaml says"
        }
        RunError::Release(ReleaseError::Untrusted { source, .. })
        | RunError::Bundle { source, .. } => match source.kind() {
            TrustErrorKind::Signature => {
                "nothing was changed; either the remote was tampered with, or it was signed with \
                 keys that this gateway's root does not name"
            }
            TrustErrorKind::Rollback => {
                "nothing was changed; to go back, publish the old content as a new release"
            }
            TrustErrorKind::Expired => {
                "tunnels stay as they are; sign the metadata again, or correct this host's clock"
            }
            TrustErrorKind::WrongGateway => {
                "nothing was changed; look at `gateway` and `mesh` in gateway.yaml"
            }
            TrustErrorKind::BadBundle | TrustErrorKind::Incomplete => {
                "nothing was changed; publish the release again"
            }
        },
        RunError::Refused(Refusal::Identity { .. }) => {
            "nothing was changed; put the fingerprint into mesh.yaml, or the right key pair back"
        }
        RunError::Refused(Refusal::Forbidden { .. }) => {
            "nothing was changed; change mesh.yaml, or `policy` in gateway.yaml"
        }
        RunError::Refused(_) => "nothing was changed; look at `gateway` and `mesh` in gateway.yaml",
        RunError::RolledBack { .. } => {
            "what ran before runs again; another release is tried when it comes, and this one after \
             `tieline rollback --lift`"
        }
        RunError::Undone { .. } => "what was in use before runs again",
        RunError::RollbackFailed { .. } => {
            "every run repairs what it can; `tieline status` shows what is up and what is not"
        }
        RunError::Alarm(Alarm::Damaged { .. }) => {
            "nothing was touched; look at the disk, and at the way to the remotes"
        }
        RunError::Alarm(_) => {
            "have a look, then `tieline rollback --to RELEASE`, or `tieline recover --forget` to \
             go on with what is in use"
        }
        RunError::Journal(_) => "look at the disk: is it full? the next run goes on from here",
        RunError::Steps { .. } => "`tieline status` shows what is up and what is not",
        RunError::Stage { .. } => "nothing that runs was changed; is the disk full?",
        RunError::Directories(error) if error.is_denied() => "run it as root",
        RunError::Directories(_)
        | RunError::Observe(_)
        | RunError::Release(ReleaseError::Fetched { .. } | ReleaseError::Metadata(_)) => {
            "nothing was changed; look at `paths` in gateway.yaml and at the disk"
        }
    };
    text.to_owned()
}
