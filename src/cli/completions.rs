//! `tieline completions`.

use clap_complete::Shell;

use super::{Context, Exit, Failure, description};

/// What is said below the options.
const EXAMPLES: &str = "\
For instance:
  tieline completions bash > /etc/bash_completion.d/tieline
  tieline completions zsh > ~/.zfunc/_tieline
  tieline completions fish > ~/.config/fish/completions/tieline.fish
The Debian package has them already.";

/// Print what makes a shell complete the arguments of tieline
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let mut command = description();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    context.terminal.result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
