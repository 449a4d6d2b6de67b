//! Errors in words.

use std::error::Error;
use std::fmt::Write as _;

use super::is_plain;

/// More than any error of ours is long, in characters; what quotes a stranger may be longer.
const MOST_CHARS: usize = 4000;

/// An error with all its causes, in one line that is safe to print: errors quote what strangers
/// send, who must be able neither to command a terminal nor to write lines of their own.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let mut safe = String::with_capacity(line.len().min(MOST_CHARS));
    for c in line.chars().take(MOST_CHARS) {
        if is_plain(c) { safe.push(c) } else { safe.extend(c.escape_unicode()) }
    }
    if line.chars().nth(MOST_CHARS).is_some() {
        safe.push('…');
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read x")]
    struct Outer(#[source] io::Error);

    fn said(cause: &str) -> String {
        error_chain(&Outer(io::Error::other(cause.to_owned())))
    }

    #[test]
    fn causes_follow_after_colons() {
        assert_eq!(said("it is gone"), "cannot read x: it is gone");
    }

    #[test]
    fn what_strangers_send_stays_text() {
        assert_eq!(said("a\r\n  error: b"), "cannot read x: a error: b");
        assert_eq!(said("\u{1b}]0;owned\u{7}"), "cannot read x: \\u{1b}]0;owned\\u{7}");
        assert_eq!(said("\u{202e}x\u{9b}"), "cannot read x: \\u{202e}x\\u{9b}");
        let long = said(&"x".repeat(1 << 20));
        assert_eq!(long.chars().count(), MOST_CHARS + 1);
    }
}
