//! The one place that prints.

use std::io::{IsTerminal, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use indicatif::ProgressBar;

use super::{Exit, Failure};

/// Standard output and standard error. Colours are dropped where nobody sees them.
#[derive(Debug)]
pub struct Terminal {
    colour: anstream::ColorChoice,
    verbosity: Verbosity,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// Results and warnings.
    #[default]
    Normal,
    /// Each step as well.
    Verbose,
}

/// For how long people do not ask what is going on.
const PATIENCE: Duration = Duration::from_secs(1);

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::BrightCyan.on_default().bold();

impl Terminal {
    /// A terminal that follows the user's wish for colour.
    #[must_use]
    pub fn new(colour: ColorChoice, verbosity: Verbosity) -> Self {
        let colour = match colour {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        Self { colour, verbosity }
    }

    /// The arguments that make another process of this program print as this one does.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let colour = match self.colour {
            anstream::ColorChoice::Never => "--color=never",
            anstream::ColorChoice::Auto => "--color=auto",
            _ => "--color=always",
        };
        let verbosity = match self.verbosity {
            Verbosity::Quiet => Some("--quiet"),
            Verbosity::Normal => None,
            Verbosity::Verbose => Some("--verbose"),
        };
        [colour].into_iter().chain(verbosity).map(str::to_owned).collect()
    }

    /// Prints a result, whole, to standard output. `text` brings its own line ends. A reader that
    /// has seen enough, such as `head`, is no failure.
    pub fn result(&mut self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::AutoStream::new(std::io::stdout().lock(), self.colour);
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::say(
                Exit::Failure,
                format!("cannot write to standard output: {error}"),
            )),
            _ => Ok(()),
        }
    }

    /// Says what has been done, in one line on standard error, unless told to be quiet.
    pub fn note(&mut self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line(text);
        }
    }

    /// Says what is being done, in one line on standard error, if asked to be verbose.
    pub fn step(&mut self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.line(text);
        }
    }

    /// Does some `work`. Where it takes longer than a second, whoever sits at the terminal sees
    /// what is being done.
    pub fn work<T>(&self, doing: &'static str, work: impl FnOnce() -> T) -> T {
        if self.is_quiet() || !std::io::stderr().is_terminal() {
            return work();
        }
        let (done, ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                if ended.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
                let spinner = ProgressBar::new_spinner().with_message(doing);
                spinner.enable_steady_tick(Duration::from_millis(100));
                // Fails when the work is done and its end of the channel is gone.
                let _ = ended.recv();
                spinner.finish_and_clear();
            });
            let result = work();
            drop(done);
            result
        })
    }

    /// Warns, in one line on standard error.
    pub fn warn(&mut self, text: &str) {
        self.line(&format!("{WARNING}warning{WARNING:#}: {text}"));
    }

    /// Prints text of several lines, which brings its own line ends, to standard error.
    pub fn report(&mut self, text: &str) {
        let mut out = anstream::AutoStream::new(std::io::stderr().lock(), self.colour);
        let _ = out.write_all(text.as_bytes());
    }

    /// Whether each step is to be said, or somebody sits there and reads what is said.
    #[must_use]
    pub fn wants_all(&self) -> bool {
        self.verbosity == Verbosity::Verbose || self.is_attended()
    }

    /// Whether somebody sits there and reads what is said.
    #[must_use]
    pub fn is_attended(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Asks whoever sits at the terminal, who answers in the same line.
    pub fn ask(&mut self, text: &str) {
        let mut out = anstream::AutoStream::new(std::io::stderr().lock(), self.colour);
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Whether only errors are to be said.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Says why a command failed, and what to do about it.
    pub fn fail(&mut self, failure: &Failure) {
        self.line(&format!("{ERROR}error{ERROR:#}: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.line(&format!("{HINT}help{HINT:#}: {hint}"));
        }
    }

    /// Whether colours reach a person; for text that is laid out elsewhere.
    #[must_use]
    pub fn colours_results(&self) -> bool {
        match self.colour {
            anstream::ColorChoice::Never => false,
            anstream::ColorChoice::Auto => {
                anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
            }
            _ => true,
        }
    }

    /// A line on standard error. If nobody can read it, there is nobody to tell.
    fn line(&self, text: &str) {
        let mut out = anstream::AutoStream::new(std::io::stderr().lock(), self.colour);
        let _ = writeln!(out, "{text}");
    }
}
