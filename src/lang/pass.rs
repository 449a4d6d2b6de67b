//! One pass over a file: from a value to its text, or from a text to its value.

use std::convert::Infallible;
use std::fmt::{Display, Write as _};
use std::iter::Peekable;
use std::str::FromStr;
use std::vec;

use super::lines::directives;
use super::{Problem, ReadError};

/// What a grammar is written against: it names the lines of a file in their order and gives back
/// the value they stand for, a `T`. A closure tells what to write; a reader never calls it.
///
/// Syntax descriptions that work both ways are known as invertible (Rendel and Ostermann, Haskell
/// Symposium 2010).
pub(super) trait Pass<T> {
    /// Why a pass ends early.
    type Error;

    /// The same pass, over a part of the value.
    type Part<'p, U: 'static>: Pass<U, Error = Self::Error>
    where
        Self: 'p;

    /// Lines that explain, comments and blank ones: written, and skipped by every reader.
    fn explain(&mut self, text: impl FnOnce(&T) -> &'static str);

    /// A line that is the same in every file.
    fn line(&mut self, line: &'static str) -> Result<(), Self::Error>;

    /// A line that ends with a value, which has one spelling.
    fn value<V: Display + FromStr>(
        &mut self,
        prefix: &'static str,
        value: impl FnOnce(&T) -> V,
    ) -> Result<V, Self::Error>;

    /// The pass over a part that may be absent: it is there where `begins` is true of the next line
    /// of the text, or `part` gives one to write.
    fn part<U: 'static>(
        &mut self,
        begins: impl FnOnce(&str) -> bool,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Option<Self::Part<'_, U>>;
}

/// Writes a value, at the end of a text.
pub(super) struct Writer<'w, T> {
    pub(super) value: &'w T,
    pub(super) text: &'w mut String,
}

impl<T> Writer<'_, T> {
    fn put(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

impl<T> Pass<T> for Writer<'_, T> {
    type Error = Infallible;
    type Part<'p, U: 'static>
        = Writer<'p, U>
    where
        Self: 'p;

    fn explain(&mut self, text: impl FnOnce(&T) -> &'static str) {
        self.put(text(self.value));
    }

    fn line(&mut self, line: &'static str) -> Result<(), Infallible> {
        self.put(line);
        Ok(())
    }

    fn value<V: Display + FromStr>(
        &mut self,
        prefix: &'static str,
        value: impl FnOnce(&T) -> V,
    ) -> Result<V, Infallible> {
        let value = value(self.value);
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{prefix}{value}");
        Ok(value)
    }

    fn part<U: 'static>(
        &mut self,
        _: impl FnOnce(&str) -> bool,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Option<Writer<'_, U>> {
        part(self.value).map(|value| Writer { value, text: self.text })
    }
}

/// Reads a value out of lines that are not comments.
pub(super) struct Reader<'r, 't>(&'r mut Lines<'t>);

/// The lines that are still to be read.
struct Lines<'t> {
    rest: Peekable<vec::IntoIter<(usize, &'t str)>>,
    /// The number of the line that was read last, from 1.
    last: usize,
}

impl<'t> Reader<'_, 't> {
    /// Reads a whole file with `grammar`; `indents` is that of [`directives`].
    pub(super) fn read<T>(
        content: &'t [u8],
        indents: bool,
        grammar: impl FnOnce(&mut Reader<'_, 't>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let mut lines =
            Lines { rest: directives(content, indents)?.into_iter().peekable(), last: 1 };
        let value = grammar(&mut Reader(&mut lines))?;
        match lines.rest.next() {
            None => Ok(value),
            Some((line, found)) => {
                Err(ReadError { line, problem: Problem::Trailing { found: found.to_owned() } })
            }
        }
    }

    /// The next line, of which `expected` tells people what it has to be.
    fn next(&mut self, expected: &'static str) -> Result<&'t str, ReadError> {
        let Some((line, text)) = self.0.rest.next() else {
            let problem = Problem::Lacks { expected };
            return Err(ReadError { line: self.0.last, problem });
        };
        self.0.last = line;
        Ok(text)
    }

    fn fail<V>(&self, problem: Problem) -> Result<V, ReadError> {
        Err(ReadError { line: self.0.last, problem })
    }
}

impl<'t, T> Pass<T> for Reader<'_, 't> {
    type Error = ReadError;
    type Part<'p, U: 'static>
        = Reader<'p, 't>
    where
        Self: 'p;

    fn explain(&mut self, _: impl FnOnce(&T) -> &'static str) {}

    fn line(&mut self, line: &'static str) -> Result<(), ReadError> {
        match self.next(line)? {
            found if found == line => Ok(()),
            found => self.fail(Problem::Unexpected { found: found.to_owned(), expected: line }),
        }
    }

    fn value<V: Display + FromStr>(
        &mut self,
        prefix: &'static str,
        _: impl FnOnce(&T) -> V,
    ) -> Result<V, ReadError> {
        let expected = if prefix.is_empty() { "a value" } else { prefix.trim() };
        let found = self.next(expected)?;
        let Some(words) = found.strip_prefix(prefix) else {
            return self.fail(Problem::Unexpected { found: found.to_owned(), expected });
        };
        // Only one spelling is read, so that what is read is what would be written.
        match words.parse::<V>().ok().filter(|value| value.to_string() == words) {
            Some(value) => Ok(value),
            None => self.fail(Problem::Value { found: found.to_owned() }),
        }
    }

    fn part<U: 'static>(
        &mut self,
        begins: impl FnOnce(&str) -> bool,
        _: impl FnOnce(&T) -> Option<&U>,
    ) -> Option<Reader<'_, 't>> {
        self.0.rest.peek().is_some_and(|(_, line)| begins(line)).then_some(Reader(self.0))
    }
}
