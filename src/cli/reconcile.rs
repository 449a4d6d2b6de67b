//! `tieline reconcile`: bring this gateway to the newest release.

use super::gateway::{ConfigArgs, Parts};
use super::{Context, Exit, Failure, Format, notify};
use crate::primitives::Name;
use crate::reconcile::{
    self, Alarm, Events, Move, OnDrift, Outcome, Preview, PreviewPhase, Refusal, ReleaseError,
    Report, RunError,
};
use crate::tuf::{TrustError, TrustErrorKind};

/// The codes of this command, for monitoring. [`Exit`] has them all.
const EXIT_CODES: &str = "\
Exit codes:
   0  converged            22  for another gateway or mesh    40  on hold
   2  changed, with        23  not a bundle as it must be     64  wrong usage
      --detailed-exitcode  24  forbidden by local policy      75  another run holds the lock
  10  no remote answered   30  failed here and rolled back    78  this gateway's configuration
  11  metadata expired     31  rolling back failed, alarm      1  anything else
  20  signature wrong or missing
  21  release older than trusted";

/// Bring this gateway to the newest release: fetch, verify, apply
///
/// Made for cron and systemd timers: it takes a second, prints nothing when nothing changed and
/// one line when something did. It needs no network to repair what a reboot or a dead process
/// left; whatever it refuses leaves the running mesh alone. What every run would say again, such
/// as that no remote answers, is printed once, then once a day, and once more when it is over;
/// with --verbose or on a terminal always.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,

    /// Exit with 2 instead of 0 if anything was changed, or would be
    #[arg(long)]
    detailed_exitcode: bool,

    /// Say what differs from the release in use, and leave it so; a new release is still applied
    #[arg(long)]
    no_repair: bool,

    /// Fetch and verify, print what would change and what would restart, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let parts = Parts::new(&config);
    let events = Events::default();
    let mut gateway = parts.gateway(context, &config, &events)?;
    if args.no_repair {
        gateway.drift = OnDrift::Report;
    }
    let wait = reconcile::splay(&config);
    if !gateway.attended && !args.dry_run && !wait.is_zero() {
        let seconds = wait.as_secs_f32();
        context.terminal.step(&format!("{}: waits {seconds:.1} s, see splay", config.gateway));
        context.host.clock.sleep(wait);
    }
    let changed = if args.dry_run {
        let preview = reconcile::preview(&gateway);
        tell(&config.gateway, &Report::of(&events.all()), context);
        let preview = preview.map_err(|error| failure(&config.gateway, &error))?;
        match context.format {
            Format::Human => context.terminal.result(&text(&config.gateway, &preview))?,
            Format::Json => context.json(&preview)?,
        }
        preview.changes()
    } else {
        let reconcile::Run { ended, report } = reconcile::run(&gateway);
        let printed = notify::notify(&config, &report, context);
        if !printed {
            tell(&config.gateway, &report, context);
        }
        note(&report, context)?;
        if let Some(failure) = failure_of(&config.gateway, &ended) {
            if printed || expected(&ended, &report) && !context.terminal.wants_all() {
                context.terminal.step(&failure.message);
                return Ok(failure.exit);
            }
            return Err(failure);
        }
        let changed = report.changed() || !report.drift.is_empty();
        if !changed && !printed {
            context.terminal.step(&nothing_to_do(&config.gateway, &report));
        }
        changed
    };
    Ok(if changed && args.detailed_exitcode { Exit::Changed } else { Exit::Done })
}

/// What an idle run has looked at.
fn nothing_to_do(gateway: &Name, report: &Report) -> String {
    let release = report.last_run.as_ref().and_then(|run| run.release);
    let release =
        release.map(|number| format!("release {number} is the newest, and ")).unwrap_or_default();
    format!(
        "{gateway}: nothing to do: {release}devices, tunnels, routes, firewall and settings are as it asks"
    )
}

/// Prints the note that a run has left of how it ended, for programs.
pub(super) fn note(report: &Report, context: &mut Context) -> Result<(), Failure> {
    match &report.last_run {
        Some(last_run) if context.format == Format::Json => context.json(last_run),
        _ => Ok(()),
    }
}

/// What a run would do, a change a line.
fn text(gateway: &Name, preview: &Preview) -> String {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(preview.obstacles.iter().map(|obstacle| format!("{gateway}: {obstacle}")));
    let mut list = |head: String, moves: &[Move]| {
        if !moves.is_empty() {
            lines.push(head);
            lines.extend(moves.iter().map(|step| {
                let mark = match step.kind {
                    PreviewPhase::Add => '+',
                    PreviewPhase::Change => '~',
                    PreviewPhase::Remove => '-',
                };
                format!("  {mark} {}", step.what)
            }));
        }
    };
    list(format!("{gateway}: would be repaired first:"), &preview.drift);
    let newest = preview.newest.unwrap_or_default();
    let head = if preview.summary.is_empty() {
        format!("release {newest} would change, if it were applied:")
    } else {
        preview.summary.clone()
    };
    list(format!("{gateway}: {head}"), &preview.release);
    if lines.is_empty() {
        lines.push(format!("{gateway}: nothing would change"));
    }
    lines.join("\n") + "\n"
}

/// Whether nobody needs to be told, because somebody was: cron mails whatever is printed, and the
/// same mail every minute is one that nobody reads. The exit code and `status` say it all the time.
fn expected(ended: &Result<Outcome, RunError>, report: &Report) -> bool {
    match ended {
        Err(RunError::Locked { confirming, none_since, .. }) => *confirming && none_since.is_none(),
        _ => report.error_repeated,
    }
}

/// Says what a run did.
pub(super) fn tell(gateway: &Name, report: &Report, context: &mut Context) {
    for step in &report.steps {
        context.terminal.step(&format!("{gateway}: {step}"));
    }
    for warning in &report.warnings {
        let text = format!("{gateway}: {warning}");
        if report.repeated.contains(warning) && !context.terminal.wants_all() {
            context.terminal.step(&text);
        } else {
            context.terminal.warn(&text);
        }
    }
    if !report.drift.is_empty() {
        let drift = format!("{gateway}: drift, not repaired: {}", report.drift.join("; "));
        context.terminal.note(&drift);
    }
    let summary = Some(report.summary()).filter(|summary| !summary.is_empty());
    for done in summary.iter().chain(&report.recovered) {
        context.terminal.note(&format!("{gateway}: {done}"));
    }
}

/// What there is to say of a run that did not end with all as it should be.
pub(super) fn failure_of(gateway: &Name, ended: &Result<Outcome, RunError>) -> Option<Failure> {
    let outcome = match ended {
        Err(error) => return Some(failure(gateway, error)),
        Ok(outcome) => outcome,
    };
    let (exit, hint) = match outcome {
        Outcome::Converged => return None,
        Outcome::OnHold(_) => {
            (Exit::OnHold, "`tieline release-hold` lets releases be applied again")
        }
        Outcome::RolledBack { .. } => (
            Exit::RolledBack,
            "what ran before runs again; another release is tried when it comes, and this one after \
             `tieline rollback --lift`",
        ),
        Outcome::Undone { .. } => (Exit::RolledBack, "what was in use before runs again"),
        Outcome::NoLongerAllowed { .. } => (
            Exit::Forbidden,
            "nothing that runs was touched; publish a release that fits, or change `policy` in \
             gateway.yaml",
        ),
    };
    Some(Failure::say(exit, format!("{gateway}: {outcome}")).hint(hint))
}

/// Why a run failed, what to do about it, and with which code.
pub(super) fn failure(gateway: &Name, error: &RunError) -> Failure {
    let mut failure = Failure::new(exit(error), error);
    failure.message = format!("{gateway}: {}", failure.message);
    failure.hint(hint(error))
}

fn exit(error: &RunError) -> Exit {
    match error {
        RunError::Locked { .. } => Exit::Locked,
        RunError::Release(ReleaseError::NoRemote { .. }) => Exit::NoRemote,
        RunError::Release(
            ReleaseError::NoRoot(_)
            | ReleaseError::BadRoot { .. }
            | ReleaseError::Configuration { .. },
        )
        | RunError::Host(_) => Exit::Configuration,
        RunError::Release(ReleaseError::NothingForUs { .. }) => Exit::WrongGateway,
        RunError::Release(
            ReleaseError::Untrusted { source, .. } | ReleaseError::NeedsUpgrade(source),
        )
        | RunError::Bundle { source, .. } => source.kind().into(),
        RunError::Refused(refusal) => match refusal {
            Refusal::Forbidden { .. } => Exit::Forbidden,
            _ => Exit::WrongGateway,
        },
        RunError::RollbackFailed { .. } | RunError::Alarm(_) => Exit::RollbackFailed,
        _ => Exit::Failure,
    }
}

/// What makes expired metadata valid again, by whose they are.
fn renewal(error: &TrustError) -> &'static str {
    match error {
        TrustError::Expired { file, .. } if file.ends_with("root.json") => {
            "tunnels stay as they are; renew the root with `tieline root renew` and publish it, or \
             correct this host's clock"
        }
        TrustError::Expired { file, .. } if file.ends_with("timestamp.json") => {
            "tunnels stay as they are; `tieline sign --refresh` and publish, or correct this host's clock"
        }
        _ => {
            "tunnels stay as they are; `tieline sign` a release again and publish it, or correct this \
             host's clock"
        }
    }
}

/// What to do about it.
fn hint(error: &RunError) -> String {
    let text = match error {
        RunError::Host(lacks) => return lacks.hint(),
        RunError::Locked { none_since: Some(_), .. } => {
            "nothing is repaired meanwhile: `fuser -v` of that file says which process it is; see what \
             it waits for, or end it"
        }
        RunError::Locked { .. } => "wait until it has ended; each run is limited in time",
        RunError::Release(ReleaseError::NoRemote { hint: Some(hint), .. }) => {
            return hint.clone();
        }
        RunError::Release(ReleaseError::NoRemote { .. }) => {
            "tunnels stay as they are; look at `remotes` in gateway.yaml and at the way there"
        }
        RunError::Release(ReleaseError::Disk { .. }) => {
            "tunnels stay as they are; make room on the disk that `paths.state` of gateway.yaml is on, \
             or have it mounted writable"
        }
        RunError::Release(ReleaseError::Configuration { .. }) => {
            "tunnels stay as they are; put the file there, or correct `remotes` in gateway.yaml"
        }
        RunError::Release(ReleaseError::NothingForUs { .. }) => {
            "tunnels stay as they are; either this gateway is no longer in mesh.yaml, then take it \
             down, or nothing was published for it yet, or `gateway` and `remotes` in gateway.yaml \
             are wrong"
        }
        RunError::Release(ReleaseError::NoRoot(_) | ReleaseError::BadRoot { .. }) => {
            "copy the mesh's root.json, from somebody you trust, to where `paths.root` of \
             gateway.yaml says"
        }
        RunError::Release(
            ReleaseError::Untrusted { source, .. } | ReleaseError::NeedsUpgrade(source),
        )
        | RunError::Bundle { source, .. } => match source.kind() {
            TrustErrorKind::Signature => {
                "nothing was changed; either the remote was tampered with, or it was signed with \
                 keys that this gateway's root does not name"
            }
            TrustErrorKind::Rollback => {
                "nothing was changed; to go back, publish the old content as a new release"
            }
            TrustErrorKind::Expired => renewal(source),
            TrustErrorKind::WrongGateway => {
                "nothing was changed; look at `gateway` and `mesh` in gateway.yaml"
            }
            TrustErrorKind::NeedsUpgrade => {
                "nothing was changed and what runs stays; upgrade Tieline on this gateway"
            }
            TrustErrorKind::BadBundle | TrustErrorKind::Incomplete => {
                "nothing was changed; publish the release again"
            }
        },
        RunError::Refused(Refusal::Identity { .. }) => {
            "nothing was changed; if `gateway` in gateway.yaml is not the name of this host, correct \
             that; if it is, put the fingerprint into mesh.yaml below this gateway, or the right key \
             pair back"
        }
        RunError::Refused(Refusal::Forbidden { .. }) => {
            "nothing was changed; change mesh.yaml, or `policy` in gateway.yaml"
        }
        RunError::Refused(_) => "nothing was changed; look at `gateway` and `mesh` in gateway.yaml",
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
        RunError::Damaged(_) => "what runs was not touched; look at the disk: is it full?",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_to_renew_what_depends_on_what_has_expired() {
        let hint = |file: &str| {
            let time = "2030-01-01T00:00:00Z".parse().unwrap();
            renewal(&TrustError::Expired { file: file.to_owned(), expired: time, now: time })
        };
        assert!(hint("metadata/3.root.json").contains("`tieline root renew`"));
        assert!(hint("metadata/timestamp.json").contains("`tieline sign --refresh`"));
        for file in ["metadata/7.snapshot.json", "metadata/7.targets.json"] {
            assert!(hint(file).contains("`tieline sign` a release"));
        }
    }
}
