//! The command line: one file a command, each a thin `run` over the layers below.
//!
//! This is the only module that knows exit codes ([`Exit`]) and the only one that prints
//! ([`Terminal`]).

mod access;
mod build;
mod check;
mod completions;
mod context;
mod delegate;
mod enroll;
mod exit;
mod failure;
mod gateway;
mod git_worker;
mod hold;
mod init;
mod key;
mod lab;
mod lock;
mod man;
mod mesh_file;
mod notify;
mod publish;
mod reconcile;
mod recover;
mod release_hold;
mod rollback;
mod root;
mod sign;
mod status;
mod terminal;
mod trust;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::{ColorChoice, CommandFactory as _, Parser, Subcommand};

pub use context::{Context, Format};
pub use exit::Exit;
pub use failure::Failure;
pub use terminal::{Terminal, Verbosity};

use crate::host::Host;

/// What is said below the list of commands.
const AFTER_HELP: &str = "\
Administrators and CI use the commands from init to lab, mostly in this order; gateways use those
from enroll to release-hold.
Exit codes: 0 done, 1 failed, 64 wrong usage, 65 mistakes in mesh.yaml; `tieline reconcile --help`
has the others.";

/// Tie LANs together: one mesh.yaml, signed bundles, OpenVPN tunnels
#[derive(Debug, Parser)]
#[command(name = "tieline", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,

    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Run as if started in DIR
    #[arg(
        short = 'C',
        global = true,
        value_name = "DIR",
        default_value = ".",
        hide_default_value = true
    )]
    directory: Utf8PathBuf,

    /// Print results as text for people or as JSON, which has a schema
    #[arg(long, global = true, value_enum, default_value_t)]
    format: Format,

    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,

    /// Say each step
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,

    /// Say errors only
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Check(check::Args),
    Lock(lock::Args),
    Build(build::Args),
    Key(key::Args),
    Root(Box<root::Args>),
    Sign(Box<sign::Args>),
    Delegate(delegate::Args),
    Publish(Box<publish::Args>),
    Verify(Box<verify::Args>),
    Lab(lab::Args),
    Enroll(enroll::Args),
    Reconcile(reconcile::Args),
    Status(status::Args),
    Rollback(rollback::Args),
    Recover(recover::Args),
    Hold(hold::Args),
    ReleaseHold(release_hold::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(man::Args),
    #[command(name = crate::host::git::WORKER_COMMAND, hide = true)]
    GitWorker(git_worker::Args),
}

/// Every command with its arguments, for whatever is made of their description.
fn description() -> clap::Command {
    Cli::command()
}

impl Global {
    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }
}

/// Runs one command line on `host` and says how it ended.
pub fn run(arguments: impl Iterator<Item = OsString>, host: Host) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, but not to the user.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit.into();
        }
    };
    let mut terminal = Terminal::new(cli.global.color, cli.global.verbosity());
    let mut context = Context {
        host,
        terminal: &mut terminal,
        format: cli.global.format,
        directory: cli.global.directory,
    };
    let ended: Result<Exit, Failure> = dispatch(&cli.command, &mut context);
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            terminal.fail(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(command: &Command, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Lock(args) => lock::run(args, context),
        Command::Build(args) => build::run(args, context),
        Command::Key(args) => key::run(args, context),
        Command::Root(args) => root::run(args, context),
        Command::Sign(args) => sign::run(args, context),
        Command::Delegate(args) => delegate::run(args, context),
        Command::Publish(args) => publish::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Lab(args) => lab::run(args, context),
        Command::Enroll(args) => enroll::run(args, context),
        Command::Reconcile(args) => reconcile::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Rollback(args) => rollback::run(args, context),
        Command::Recover(args) => recover::run(args, context),
        Command::Hold(args) => hold::run(args, context),
        Command::ReleaseHold(args) => release_hold::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context),
        Command::GitWorker(args) => git_worker::run(args, context),
    }
}
