//! The files that findings point into.

use crate::spec::{Place, SourceFile};

/// A file as people know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Both files of a mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// mesh.yaml.
    pub mesh: Source,
    /// mesh.lock; empty where there is none.
    pub lock: Source,
}

/// A line and a column, both counted from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Sources {
    /// The file that a place is in.
    #[must_use]
    pub fn of(&self, place: Place) -> &Source {
        match place.file {
            SourceFile::Mesh => &self.mesh,
            SourceFile::Lock => &self.lock,
        }
    }
}

impl Source {
    /// Where a byte of the text is.
    pub(super) fn position(&self, byte: usize) -> Position {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).map_or(0, |line| line.chars().count()) + 1,
        }
    }

    /// The place as a range of the text, whatever the place claims.
    pub(super) fn range(&self, place: Place) -> std::ops::Range<usize> {
        let valid = self.text.get(place.start..place.end).is_some();
        if valid { place.start..place.end } else { self.text.len()..self.text.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let source = Source { name: String::new(), text: "añb\nc\n".to_owned() };
        let at = |byte| {
            let Position { line, column } = source.position(byte);
            (line, column)
        };
        assert_eq!([at(0), at(3), at(5), at(7), at(99)], [(1, 1), (1, 3), (2, 1), (3, 1), (3, 1)]);
    }
}
