//! What the lab is doing, while it does it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::text;
use crate::cli::Terminal;
use crate::lab::{Observer, Phase};

/// A line per phase, and a spinner beside the one that is being worked at.
pub(super) struct Progress<'a> {
    terminal: &'a mut Terminal,
    lines: bool,
    spinner: ProgressBar,
}

impl<'a> Progress<'a> {
    /// Progress for people on the terminal, if there is one; `lines` for results as text, too.
    pub(super) fn new(terminal: &'a mut Terminal, lines: bool) -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            spinner.set_style(style);
        }
        if terminal.is_quiet() {
            spinner.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        Self { terminal, lines, spinner }
    }

    /// Leaves no trace on the terminal.
    pub(super) fn finish(&self) {
        self.spinner.finish_and_clear();
    }
}

impl Observer for Progress<'_> {
    fn begin(&mut self, phase: Phase) {
        self.terminal.step(text::doing(phase));
        self.spinner.reset_elapsed();
        self.spinner.set_message(text::doing(phase));
        self.spinner.enable_steady_tick(Duration::from_millis(100));
    }

    fn advance(&mut self, done: usize, of: usize) {
        let message = self.spinner.message();
        let doing = message.split_once(": ").map_or(message.as_str(), |(doing, _)| doing);
        self.spinner.set_message(format!("{doing}: {done} of {of}"));
    }

    fn end(&mut self, phase: Phase, took: Duration, result: &str) {
        self.spinner.disable_steady_tick();
        if self.lines {
            let line = text::done(phase, took, result);
            self.spinner.suspend(|| {
                // Who does not want to read results is told at the end that it failed.
                let _ = self.terminal.result(&line);
            });
        }
    }
}
