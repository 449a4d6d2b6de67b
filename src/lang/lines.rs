//! The lines of a file that say something to its daemon.

use super::{Problem, ReadError};

/// The longest line, in bytes without its end. OpenVPN reads 256 bytes at a time, line end and NUL
/// included (`OPTION_LINE_SIZE`), and would take the rest of a longer line for a line of its own.
pub(super) const MAX_LINE: usize = 254;

/// The longest file, in bytes. What is written has about 2 KiB, comments included.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// Every line that is neither blank nor a comment, with its number from 1. Comments explain a file
/// to people, and another version of Tieline may do so in other words.
///
/// `indents` says whether lines of the language begin with tabs.
pub(super) fn directives(content: &[u8], indents: bool) -> Result<Vec<(usize, &str)>, ReadError> {
    if content.len() > MAX_BYTES {
        return Err(ReadError { line: 1, problem: Problem::Size });
    }
    let mut directives = Vec::new();
    for (line, bytes) in (1..).zip(content.split_inclusive(|byte| *byte == b'\n')) {
        let fail = |problem| Err(ReadError { line, problem });
        let (bytes, ended) = match bytes.split_last() {
            Some((b'\n', before)) => (before, true),
            _ => (bytes, false),
        };
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') || (indents && *byte == b'\t');
        if bytes.len() > MAX_LINE || !bytes.iter().all(plain) {
            return fail(Problem::Characters);
        }
        if !ended {
            return fail(Problem::CutOff);
        }
        // Plain ASCII is UTF-8.
        let text = str::from_utf8(bytes).unwrap_or_default();
        let words = text.trim_start_matches('\t');
        if !words.is_empty() && !words.starts_with('#') {
            directives.push((line, text));
        } else if words.trim_end_matches([' ', '\t']).ends_with('\\') {
            // nft joins a line that ends so to the next, in a comment as well.
            return fail(Problem::Continues);
        }
    }
    Ok(directives)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &[u8], indents: bool) -> Option<(usize, Problem)> {
        directives(text, indents).err().map(|error| (error.line, error.problem))
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let text = b"# a\n\nfirst\n\t\n\t# b\n\tsecond # c\n#\n";
        assert_eq!(directives(text, true).unwrap(), [(3, "first"), (6, "\tsecond # c")]);
        assert_eq!(directives(b"", true).unwrap(), []);
        // A line of blanks is none that Tieline writes, nor is a comment after blanks.
        assert_eq!(directives(b" \n #\n", false).unwrap(), [(1, " "), (2, " #")]);
    }

    #[test]
    fn what_no_line_may_be() {
        let limit = [b"#".repeat(MAX_LINE).as_slice(), b"\n"].concat();
        assert_eq!(problem(&limit, false), None);
        assert_eq!(
            problem(&[b"#", limit.as_slice()].concat(), false),
            Some((1, Problem::Characters))
        );
        for bad in ["# \u{e9}\n", "a\r\n", "# a\0\n", "#\u{1b}[2J\n", "#\u{7f}\n", "\tdev\n"] {
            assert_eq!(problem(bad.as_bytes(), false), Some((1, Problem::Characters)), "{bad:?}");
        }
        assert_eq!(problem(b"\n\xff\n", true), Some((2, Problem::Characters)));
        assert_eq!(problem(b"a\nb", true), Some((2, Problem::CutOff)));
        for bad in ["# a \\\n", "# a\\ \t\n", "\t#\\\n"] {
            assert_eq!(problem(bad.as_bytes(), true), Some((1, Problem::Continues)), "{bad:?}");
        }
        assert_eq!(problem(&b"\n".repeat(MAX_BYTES), true), None);
        assert_eq!(problem(&b"\n".repeat(MAX_BYTES + 1), true), Some((1, Problem::Size)));
    }
}
