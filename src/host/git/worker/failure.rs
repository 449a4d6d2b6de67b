//! From the errors of libraries to one line for people.

use std::error::Error;

use crate::host::git::{FailureKind, GitFailure};
use crate::primitives::error_chain;

/// A failure of `kind` that says `message`.
pub(super) fn failure(kind: FailureKind, message: impl Into<String>) -> GitFailure {
    GitFailure { kind, message: message.into(), hint: None }
}

/// Results whose error is a failure of this machine, not of the remote.
pub(super) trait Fail<T> {
    /// The value, or a failure that says what could not be done and why.
    fn fail(self, what: impl FnOnce() -> String) -> Result<T, GitFailure>;
}

impl<T, E: Error> Fail<T> for Result<T, E> {
    fn fail(self, what: impl FnOnce() -> String) -> Result<T, GitFailure> {
        self.map_err(|error| {
            let said = one_line(&error_chain(&error));
            let kind = if is_of_the_disk(&said) { FailureKind::Disk } else { FailureKind::Local };
            failure(kind, format!("{}: {said}", what()))
        })
    }
}

/// Whether the system says that a disk takes nothing more (strerror(3)). libgit2 hands on its words.
pub(super) fn is_of_the_disk(said: &str) -> bool {
    let words = ["No space left on device", "Disk quota exceeded", "Read-only file system"];
    words.iter().any(|words| said.contains(words))
}

/// `text` without line breaks and other control characters: it may come from the remote, and
/// goes to a terminal and into logs.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 500;
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn nothing_of_a_remote_steers_a_terminal() {
        assert_eq!(one_line("denied\r\n\u{1b}[2Jby  hook\n"), "denied [2Jby hook");
        assert_eq!(one_line(&"x".repeat(10_000)).len(), 500);
    }
}
