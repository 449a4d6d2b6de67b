//! `tieline man`: the manual pages, for packagers.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap_mangen::Man;

use super::{Context, Exit, Failure, description};
use crate::host::Mode;

/// Write a manual page for each command
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory they go to; made where missing
    #[arg(value_name = "DIR")]
    to: Utf8PathBuf,
}

/// Where the documentation of the Debian package is.
const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n.BR tieline (1),\nthe files in\n\
                        .IR /usr/share/doc/tieline .\n";

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let mut command = description().disable_help_subcommand(true);
    // Gives each command its full name and the global options.
    command.build();
    let to = context.path(&args.to);
    context.host.files.create_dir(&to).map_err(|error| Failure::new(Exit::Failure, &error))?;
    write(&command, &to, context)?;
    Ok(Exit::Done)
}

/// Writes the page of `command` and those of the commands below it.
fn write(command: &clap::Command, to: &Utf8Path, context: &Context) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let page = page(command).map_err(|error| Failure::new(Exit::Failure, &error))?;
    let written = context.host.files.replace(&to.join(format!("{name}.1")), &page, Mode::Public);
    written.map_err(|error| Failure::new(Exit::Failure, &error))?;
    let mut below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below.try_for_each(|below| write(below, to, context))
}

/// One page. It has no date, so that the same version gives the same bytes.
fn page(command: &clap::Command) -> std::io::Result<Vec<u8>> {
    let version = concat!("Tieline ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).date("").source(version).manual("Tieline");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(notes) = command.get_after_long_help().or(command.get_after_help()) {
        page.extend(as_it_stands(&notes.to_string()).bytes());
    }
    page.extend(SEE_ALSO.bytes());
    Ok(page)
}

/// A section of lines that stay as they are: they are tables, mostly (man(7), "Font style", .EX).
fn as_it_stands(text: &str) -> String {
    let mut section = ".SH NOTES\n.EX\n".to_owned();
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
        // A dot at the beginning would be an instruction.
        let _ = writeln!(section, "\\&{line}");
    }
    section.push_str(".EE\n");
    section
}
