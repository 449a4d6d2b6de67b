//! `tieline release-hold`: let this gateway apply releases again.

use super::gateway::ConfigArgs;
use super::{Context, Exit, Failure, Format, hold};
use crate::reconcile::Hold;

/// Let this gateway apply releases again, from the next run on
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let config = args.config.load(context)?;
    let (files, state) = (context.host.files, &config.paths.state);
    let held = Hold::load(files, state);
    if held.is_some() {
        Hold::release(files, state).map_err(|error| hold::failure(&error))?;
    }
    match (context.format, &held) {
        (Format::Json, _) => context.json(&held)?,
        (Format::Human, Some(held)) => {
            let said = format!("{}: no longer on hold; it was {held}", config.gateway);
            context.terminal.note(&said);
        }
        (Format::Human, None) => {
            context.terminal.note(&format!("{} was not on hold", config.gateway));
        }
    }
    Ok(Exit::Done)
}
