//! `tieline check`.

use std::fmt::Write as _;

use camino::Utf8PathBuf;

use super::mesh_file::{Examined, Locking, Outcome, examine};
use super::{Context, Exit, Failure, Format};
use crate::report::{FindingsReport, counted, findings_text};

/// Find every mistake in mesh.yaml
///
/// All problems are reported at once, each with its place and what to do about it. The exit code
/// is 65 if there is an error; warnings do not count.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The mesh to check
    #[arg(value_name = "FILE", default_value = "mesh.yaml")]
    file: Utf8PathBuf,

    /// Require a mesh.lock beside it that has a number for every gateway and no others
    #[arg(long)]
    locked: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let locking = if args.locked { Locking::Required } else { Locking::Optional };
    let Examined { sources, mut findings, outcome, .. } = examine(&args.file, locking, context)?;
    let exit = if outcome.is_some() { Exit::Done } else { Exit::MeshErrors };
    if context.format == Format::Json {
        context.json(&FindingsReport::new(&findings, &sources))?;
        return Ok(exit);
    }
    let quiet = context.terminal.is_quiet();
    if quiet {
        findings.retain(crate::spec::Finding::is_error);
    }
    match outcome {
        Some(outcome) if findings.is_empty() => {
            if !quiet {
                context.terminal.result(&praise(
                    &sources.mesh.name,
                    &sources.lock.name,
                    &outcome,
                ))?;
            }
        }
        _ => context.terminal.result(&findings_text(&findings, &sources, true))?,
    }
    Ok(exit)
}

/// One line that says what was found to be right, and what is left to do.
fn praise(file: &str, lock: &str, outcome: &Outcome) -> String {
    let gateways = outcome.mesh.gateways().count();
    let tunnels = gateways * gateways.saturating_sub(1) / 2;
    let mut text = format!(
        "{file}: {}, {}, {}: no problems\n",
        counted(outcome.mesh.lans.len(), "LAN"),
        counted(gateways, "gateway"),
        counted(tunnels, "tunnel"),
    );
    if outcome.update.is_change() {
        let _ = writeln!(text, "{lock} is missing or behind: run `tieline lock`");
    }
    text
}
