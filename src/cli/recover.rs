//! `tieline recover`: put the old release back before anything starts with the new one.

use super::gateway::{ConfigArgs, Parts};
use super::reconcile::{failure, tell};
use super::{Context, Exit, Failure};
use crate::reconcile::{Events, Report, forget_transaction, recover_link};

/// Put the release before back in place if the newest one was not confirmed before a reboot
///
/// Made for the boot, before the tunnels start: it needs no network, starts and stops nothing, and
/// says nothing where there is nothing to do. `tieline reconcile` does the same and the rest of it,
/// so this command is needed only where tunnels start by themselves.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,

    /// After an alarm: forget what was begun, and go on with the release that is in place
    #[arg(long)]
    forget: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let parts = Parts::new(&config);
    let events = Events::default();
    let gateway = parts.gateway(context, &config, &events)?;
    let fail = |error| failure(&config.gateway, &error);
    if args.forget {
        let text = if forget_transaction(&gateway).map_err(fail)? {
            "forgotten; the next run goes on with the release that is in place"
        } else {
            "nothing was begun that could be forgotten"
        };
        context.terminal.note(&format!("{}: {text}", config.gateway));
        return Ok(Exit::Done);
    }
    let undone = recover_link(&gateway);
    tell(&config.gateway, &Report::of(&events.all()), context);
    if let Some(release) = undone.map_err(fail)? {
        context.terminal.note(&format!(
            "{}: release {release} was not confirmed, so the one before is back in place",
            config.gateway
        ));
    }
    Ok(Exit::Done)
}
