//! The parts of `tieline lab run` inside of the lab.

use std::io::Read;
use std::process::{Command, Stdio};

use super::super::{Context, Exit, Failure, Format};
use super::progress::Progress;
use super::run::killed;
use super::{WORK, same_voice, text};
use crate::lab::{self, Lab, LabError, LabReport, Orders};

/// Is process 1 of the lab, around the worker.
pub(super) fn init(context: &mut Context) -> Result<Exit, Failure> {
    let ended = lab::init(context.host.processes, &same_voice(context, WORK));
    match ended.map_err(|error| Failure::new(Exit::Unavailable, &error))? {
        0 => Ok(Exit::Done),
        // 128 and the signal: HUP, INT or TERM. A Ctrl-C reaches the worker, too.
        129 | 130 | 143 => Ok(Exit::Interrupted),
        // It had no time to say anything itself.
        129.. => Err(killed()),
        _ => Ok(Exit::Failure),
    }
}

/// Builds the lab, reports, and lets the user look around, above all where something failed.
pub(super) fn work(context: &mut Context) -> Result<Exit, Failure> {
    let orders = orders().map_err(|error| failure(&error))?;
    let mut good = false;
    match build(&orders, context) {
        Ok(report) => {
            good = report.good;
            if context.format == Format::Json {
                context.json(&report)?;
            }
        }
        Err(failure) => context.terminal.fail(&failure),
    }
    let good = look_around(&orders)? && good;
    Ok(if good { Exit::Done } else { Exit::Failure })
}

fn build(orders: &Orders, context: &mut Context) -> Result<LabReport, Failure> {
    let human = context.format == Format::Human && !context.terminal.is_quiet();
    let mut lab = Lab::new(context.host, orders.program.clone());
    let mut rounds = Vec::new();
    let mut name = None;
    for files in &orders.meshes {
        let mesh = Lab::resolve(files).map_err(|error| failure(&error))?;
        if human {
            context.terminal.result(&text::header(&mesh, files, rounds.len()))?;
        }
        let mut progress = Progress::new(context.terminal, human);
        let round = lab.round(files, &mesh, &mut progress);
        progress.finish();
        let round = round.map_err(|error| failure(&error))?;
        if human || (context.format == Format::Human && !round.good()) {
            context.terminal.result(&text::round(&round, rounds.len()))?;
        }
        rounds.push(round);
        name.get_or_insert(mesh.name);
    }
    let Some(name) = name else { return Err(failure(&LabError::Orders)) };
    Ok(LabReport::new(name, rounds))
}

fn orders() -> Result<Orders, LabError> {
    let mut line = String::new();
    std::io::stdin().read_to_string(&mut line).map_err(|_| LabError::Orders)?;
    serde_json::from_str(&line).map_err(|_| LabError::Orders)
}

/// Runs the user's command, at the terminal if there is one; false if it fails.
fn look_around(orders: &Orders) -> Result<bool, Failure> {
    let Some((program, arguments)) = orders.command.split_first() else { return Ok(true) };
    // Our own standard input was the pipe with the orders.
    let terminal = std::fs::File::open("/dev/tty").map_or_else(|_| Stdio::null(), Stdio::from);
    let mut command = Command::new(program);
    let status = command.args(arguments).stdin(terminal).status();
    let status = status
        .map_err(|error| Failure::say(Exit::Failure, format!("cannot run {program}: {error}")))?;
    Ok(status.success())
}

fn failure(error: &LabError) -> Failure {
    Failure::new(Exit::Failure, error)
}
