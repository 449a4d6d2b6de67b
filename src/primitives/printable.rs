//! Text of users inside messages.

use std::fmt;

/// Text from a file as it may stand in a message: control characters escaped, so that it cannot
/// command a terminal, and cut where it gets long.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

/// The longest name (63 characters) is shown whole.
const MOST_CHARS: usize = 80;

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(MOST_CHARS) {
            if is_plain(c) { write!(f, "{c}")? } else { write!(f, "{}", c.escape_unicode())? }
        }
        if self.0.chars().nth(MOST_CHARS).is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// Neither a control character nor one that turns the direction of writing (Unicode TR9).
#[must_use]
pub fn is_plain(c: char) -> bool {
    let turns = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let separates = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    !c.is_control() && !turns && !separates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cannot_command_a_terminal() {
        assert_eq!(Printable("zürich").to_string(), "zürich");
        assert_eq!(Printable("a\u{1b}[2J\n").to_string(), "a\\u{1b}[2J\\u{a}");
        assert_eq!(Printable("a\u{202e}b").to_string(), "a\\u{202e}b");
        assert_eq!(Printable(&"x".repeat(81)).to_string(), format!("{}…", "x".repeat(80)));
        assert_eq!(Printable(&"x".repeat(80)).to_string(), "x".repeat(80));
    }
}
