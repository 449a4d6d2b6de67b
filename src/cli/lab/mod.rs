//! `tieline lab`: a whole mesh on this machine.

mod inside;
mod progress;
mod run;
mod text;

use clap::Subcommand;

use super::{Context, Exit, Failure};

/// Build the whole mesh on this machine and see who reaches whom
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    /// Be process 1 of a lab
    #[command(name = INIT, hide = true)]
    Init,
    /// Do the work of a lab
    #[command(name = WORK, hide = true)]
    Work,
}

/// The subcommand that is the lab's first process.
const INIT: &str = "inside-init";

/// The subcommand that does the lab's work.
const WORK: &str = "inside-work";

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    match &args.command {
        Command::Run(args) => run::run(args, context),
        Command::Init => inside::init(context),
        Command::Work => inside::work(context),
    }
}

/// The arguments that make another process of this program print as this one does.
fn same_voice(context: &Context, part: &str) -> Vec<String> {
    let mut arguments = context.terminal.flags();
    if context.format == super::Format::Json {
        arguments.extend(["--format", "json"].map(str::to_owned));
    }
    arguments.extend(["lab", part].map(str::to_owned));
    arguments
}
