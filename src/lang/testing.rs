//! What must be true of every language, for their tests.

use std::fmt::Debug;

use super::ReadError;
use super::lines::directives;

/// A language as its tests see it.
pub(super) struct Language<T> {
    pub(super) indents: bool,
    pub(super) write: fn(&T) -> String,
    pub(super) read: fn(&[u8]) -> Result<T, ReadError>,
}

impl<T: PartialEq + Debug> Language<T> {
    /// What is written is read, whatever becomes of the comments.
    pub(super) fn reads_back(&self, value: &T) {
        let text = (self.write)(value);
        assert_eq!((self.read)(text.as_bytes()).as_ref(), Ok(value), "{text}");
        let lines = self.lines(&text);
        let bare = joined(&lines);
        assert_eq!((self.read)(bare.as_bytes()).as_ref(), Ok(value), "{bare}");
        let explained: Vec<_> =
            lines.iter().flat_map(|line| ["", "# It used to be: up /bin/sh", "#", line]).collect();
        let explained = joined(&explained);
        assert_eq!((self.read)(explained.as_bytes()).as_ref(), Ok(value), "{explained}");
    }

    /// What is read would be written, whatever it is.
    pub(super) fn agrees(&self, content: &[u8]) -> Result<T, ReadError> {
        let value = (self.read)(content)?;
        let text = str::from_utf8(content).expect("only text is read");
        assert_eq!(self.lines(&(self.write)(&value)), self.lines(text));
        Ok(value)
    }

    /// A file with one line changed is refused, or says something else.
    pub(super) fn tells_apart(&self, value: &T) {
        let text = joined(&self.lines(&(self.write)(value)));
        for changed in changes(&text) {
            if let Ok(other) = self.agrees(changed.as_bytes()) {
                assert_ne!(other, *value, "{changed}");
            }
        }
    }

    /// The lines that are neither blank nor comments.
    fn lines<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let lines = directives(text.as_bytes(), self.indents).expect("a text that was read");
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// Every text that differs from `text` by one line that is missing, twice there or in another's
/// place, or by one character.
fn changes(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let mut changes = Vec::new();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        let line = without.remove(at);
        changes.push(joined(&without));
        for to in 0..lines.len() {
            let mut moved = without.clone();
            moved.insert(to, line);
            changes.push(joined(&moved));
            let mut twice = lines.clone();
            twice.insert(to, line);
            changes.push(joined(&twice));
            let mut swapped = lines.clone();
            swapped.swap(at, to);
            changes.push(joined(&swapped));
        }
    }
    for at in 0..text.len() {
        changes.push([&text[..at], &text[at + 1..]].concat());
        for other in [" ", "\t", "\n", "0", "1", "9", "a", "A", "-", ".", ":", "#", ";", "\"", "\\"]
        {
            changes.push([&text[..at], other, &text[at..]].concat());
            changes.push([&text[..at], other, &text[at + 1..]].concat());
        }
    }
    // Blank lines and comments say nothing.
    let plain = |text: &str| {
        let says = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('#');
        text.lines().filter(says).map(str::to_owned).collect::<Vec<_>>()
    };
    let same = plain(text);
    changes.retain(|changed| plain(changed) != same || !changed.ends_with('\n'));
    changes
}
