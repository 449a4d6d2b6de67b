//! What every command is given.

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;

use super::{Exit, Failure, Terminal};
use crate::host::Host;

/// The world as a command sees it.
pub struct Context<'a> {
    /// The machine.
    pub host: Host<'a>,
    /// Where output goes.
    pub terminal: &'a mut Terminal,
    /// Text for people, or JSON.
    pub format: Format,
    /// What relative paths are relative to.
    pub directory: Utf8PathBuf,
}

/// In what form results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Human,
    /// JSON for programs
    Json,
}

impl Context<'_> {
    /// Prints a result as JSON.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Result<(), Failure> {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.terminal.result(&format!("{text}\n")),
            Err(error) => Err(Failure::new(Exit::Failure, &error)),
        }
    }

    /// `path` as it is meant: relative to `-C`.
    #[must_use]
    pub fn path(&self, path: &Utf8Path) -> Utf8PathBuf {
        if self.directory == "." { path.to_owned() } else { self.directory.join(path) }
    }
}
