//! Why a text is not in a language.

use super::lines::{MAX_BYTES, MAX_LINE};

/// The first place at which a text is not as Tieline writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// The line, from 1; the last one where the text ends too early.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// Ends every message about a line that another version may know.
const UPGRADE: &str = "if a newer Tieline made the release, upgrade this gateway first";

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is longer than anything that is written.
    #[error("the file has more than {} KiB", MAX_BYTES >> 10)]
    Size,
    /// A line is too long for the daemon, or has characters that might mean something else to it.
    #[error("a line has at most {MAX_LINE} characters of ASCII")]
    Characters,
    /// A comment ends so that the daemon may take the next line for a part of it.
    #[error("a line may not go on in the next")]
    Continues,
    /// The last line has no line end: the text was cut off.
    #[error("the line has no end")]
    CutOff,
    /// Another line than the one that has to be here.
    #[error("{found:?} stands where this version allows only {expected:?}; {UPGRADE}")]
    Unexpected {
        /// The line.
        found: String,
        /// The line that has to be here, or how it begins.
        expected: &'static str,
    },
    /// A value that cannot stand here, or not in this spelling.
    #[error("{found:?} has a value that this version does not allow here; {UPGRADE}")]
    Value {
        /// The line.
        found: String,
    },
    /// A line after the last one.
    #[error("{found:?} stands where this version allows nothing more; {UPGRADE}")]
    Trailing {
        /// The line.
        found: String,
    },
    /// The text ends before this line.
    #[error("the file ends without {expected:?}; {UPGRADE}")]
    Lacks {
        /// The line that has to come, or how it begins.
        expected: &'static str,
    },
}
