//! Lines and columns.

/// A line and a column, both counted from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Where the lines of a text begin and how many characters stand before every so many bytes, so
/// that a position takes no walk through the text: a hostile file can have 60,000 findings in one
/// line of a megabyte.
#[derive(Debug)]
pub(super) struct Positions<'a> {
    text: &'a str,
    lines: Vec<usize>,
    chars: Vec<usize>,
}

/// Bytes between two counts of characters.
const STEP: usize = 256;

impl<'a> Positions<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let lines = text.match_indices('\n').map(|(end, _)| end + 1);
        let lines = std::iter::once(0).chain(lines).collect();
        let mut chars = vec![0];
        let mut count = 0;
        for chunk in text.as_bytes().chunks(STEP) {
            count += characters(chunk);
            chars.push(count);
        }
        Self { text, lines, chars }
    }

    /// Where a byte of the text is; one beyond its end is at its end.
    pub(super) fn at(&self, byte: usize) -> Position {
        let byte = byte.min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= byte);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        Position { line, column: self.chars_before(byte) - self.chars_before(start) + 1 }
    }

    fn chars_before(&self, byte: usize) -> usize {
        let counted = byte / STEP;
        let rest = self.text.as_bytes().get(counted * STEP..byte).unwrap_or_default();
        self.chars.get(counted).copied().unwrap_or_default() + characters(rest)
    }
}

/// How many characters begin in these bytes (UTF-8, RFC 3629: all but 10xxxxxx begin one).
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let positions = Positions::of("a\u{f1}b\nc\n");
        let at = |byte| {
            let Position { line, column } = positions.at(byte);
            (line, column)
        };
        assert_eq!([at(0), at(3), at(5), at(7), at(99)], [(1, 1), (1, 3), (2, 1), (3, 1), (3, 1)]);
    }

    proptest! {
        #[test]
        fn agrees_with_counting(text in "(\\PC|\n){0,600}", at in any::<prop::sample::Index>()) {
            let ends: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let byte = ends[at.index(ends.len())];
            let before = &text[..byte];
            let Position { line, column } = Positions::of(&text).at(byte);
            prop_assert_eq!(line, before.matches('\n').count() + 1);
            prop_assert_eq!(column, before.rsplit('\n').next().unwrap().chars().count() + 1);
        }
    }
}
