//! `tieline git-worker`: the child process behind every fetch and push. Not for people.

use super::{Context, Exit, Failure};
use crate::host::git;

/// Serve one request of another tieline process
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let reply = git::serve(std::io::stdin().lock());
    context.terminal.result(&reply)?;
    Ok(Exit::Done)
}
