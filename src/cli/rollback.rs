//! `tieline rollback`: go back to what this gateway ran before.

use super::gateway::{ConfigArgs, Parts};
use super::reconcile::{failure, failure_of, note, tell};
use super::{Context, Exit, Failure, notify};
use crate::primitives::Name;
use crate::reconcile::{
    Events, Gateway, ManualRollbackError, Rejected, Report, lift, roll_back_manually,
};

/// Go back to the release this gateway ran before
///
/// It needs no network: the three releases that were in use last are on the disk. The way back is
/// the same as the way forward: what does not prove healthy is undone. Runs of `tieline reconcile`
/// leave it at that until a release brings another bundle for this gateway; to keep that away as
/// well, use `tieline hold`. To take a whole mesh back, publish the old content as a new release
/// instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline rollback            to the release in use before this one
  tieline rollback --to 41    to release 41, if it is still on the disk
  tieline rollback --lift     let the releases that were taken back be tried again")]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,

    /// Go to RELEASE instead of the one before
    #[arg(long, value_name = "RELEASE")]
    to: Option<u64>,

    /// Go nowhere, but let every release that failed or was taken back be tried again
    #[arg(long, conflicts_with = "to")]
    lift: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let parts = Parts::new(&config);
    let events = Events::default();
    let gateway = parts.gateway(context, &config, &events)?;
    if args.lift {
        let lifted = lift(&gateway).map_err(|error| failure(&config.gateway, &error))?;
        context.terminal.note(&format!("{}: {}", config.gateway, lifted_text(&lifted)));
        return Ok(Exit::Done);
    }
    let doing = "going back, and waiting for the tunnels";
    let run = context.terminal.work(doing, || roll_back_manually(&gateway, args.to));
    let run = run.map_err(|error| refused(&config.gateway, &error))?;
    let report = &run.report;
    notify::notify(&config, report, context);
    tell(&config.gateway, report, context);
    if let Some(failure) = failure_of(&config.gateway, &run.ended) {
        return Err(failure);
    }
    note(report, context)?;
    say_what_stays(&gateway, report, context);
    Ok(Exit::Done)
}

fn say_what_stays(gateway: &Gateway, report: &Report, context: &mut Context) {
    let Some(installed) = report.applied.last() else { return };
    let text = format!(
        "{}: release {} stays until there is a release with another bundle for this gateway, or \
         until `tieline rollback --lift`",
        gateway.config.gateway, installed.release
    );
    context.terminal.note(&text);
}

fn lifted_text(lifted: &[Rejected]) -> String {
    if lifted.is_empty() {
        return "no release was rejected".to_owned();
    }
    let releases: Vec<_> = lifted.iter().map(|one| one.release.to_string()).collect();
    format!("tried again by the next run, if it is the newest: release {}", releases.join(", "))
}

fn refused(gateway: &Name, error: &ManualRollbackError) -> Failure {
    let failure = Failure::new(Exit::Failure, error);
    let message = format!("{gateway}: {}", failure.message);
    Failure { message, ..failure }.hint("nothing was changed")
}
