//! `tieline lock`.

use camino::Utf8PathBuf;

use super::mesh_file::{Examined, Locking, examine, refuse};
use super::{Context, Exit, Failure, Format};
use crate::host::Mode;
use crate::report::{LockReport, findings_text};

/// Give every gateway its number in mesh.lock
///
/// New gateways get numbers that were never used; numbers of removed gateways are retired. Commit
/// mesh.lock together with mesh.yaml. Nothing is written while mesh.yaml has errors.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The mesh; its numbers are in the .lock file beside it
    #[arg(value_name = "FILE", default_value = "mesh.yaml")]
    file: Utf8PathBuf,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let Examined { sources, findings, outcome, .. } =
        examine(&args.file, Locking::Optional, context)?;
    let Some(outcome) = outcome else { return Err(refuse(&findings, &sources, context)) };
    let quiet = context.terminal.is_quiet();
    if !findings.is_empty() && !quiet {
        context.terminal.report(&findings_text(&findings, &sources, true));
    }
    let (update, file) = (outcome.update, &sources.lock.name);
    let text = update.lock.to_string();
    let converted = text != sources.lock.text && !sources.lock.text.is_empty();
    if text != sources.lock.text {
        let path = context.path(&args.file.with_extension("lock"));
        let written = context.host.files.replace(&path, text.as_bytes(), Mode::Public);
        written.map_err(|error| Failure::new(Exit::Failure, &error))?;
    }
    let report = LockReport::new(&update);
    match context.format {
        Format::Json => context.json(&report)?,
        Format::Human if quiet => {}
        Format::Human if update.is_change() => context.terminal.result(&report.text(file))?,
        Format::Human if converted => {
            context
                .terminal
                .note(&format!("{file}: written in its newest format, no number changed"));
        }
        Format::Human => context.terminal.note(&format!("{file}: nothing changed")),
    }
    Ok(Exit::Done)
}
