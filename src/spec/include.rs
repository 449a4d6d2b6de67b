//! `include` of mesh.yaml: which files beside it and below have LANs of the mesh.

use glob::{MatchOptions, Pattern};

/// The most files that a mesh includes: four for each LAN of the largest one imagined.
pub const MAX_INCLUDED: usize = 4096;

/// The most bytes of a pattern; Linux has no longer paths.
const MAX_LENGTH: usize = 4095;

/// The most names of a pattern, that is one more than slashes.
const MAX_NAMES: usize = 16;

/// Files by their names, such as `lans/*.yaml`: a path from the directory of mesh.yaml, in each name
/// of which `*` stands for any characters, `?` for one and `[a-z]` for one of these (glob(7)). What
/// begins with a dot is matched only by a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludePattern {
    text: String,
    names: Vec<Pattern>,
}

/// Why a text is no pattern of files to include.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadInclude {
    /// It begins with `/` or `~`.
    #[error("it does not begin in the directory of mesh.yaml")]
    Absolute,
    /// A name is `.` or `..`, or there is none.
    #[error("it has a name that is empty, `.` or `..`")]
    NoName,
    /// A name has `**`.
    #[error("it has `**`: every `*` is for one name")]
    Recursive,
    /// A bracket is not closed.
    #[error("it has a `[` without its `]`")]
    Bracket,
    /// It has characters that no name of a file should have.
    #[error("it has a backslash or a control character")]
    Character,
    /// It is too long.
    #[error("it is longer than {MAX_LENGTH} bytes or {MAX_NAMES} names")]
    TooLong,
}

impl IncludePattern {
    /// The pattern that `text` writes.
    ///
    /// # Errors
    ///
    /// Whatever could lead out of the directory of mesh.yaml, and what is no pattern.
    pub fn parse(text: &str) -> Result<Self, BadInclude> {
        if text.starts_with(['/', '~']) {
            return Err(BadInclude::Absolute);
        }
        if text.contains(|c: char| c == '\\' || !super::is_plain(c)) {
            return Err(BadInclude::Character);
        }
        if text.len() > MAX_LENGTH || text.split('/').count() > MAX_NAMES {
            return Err(BadInclude::TooLong);
        }
        let names = text.split('/').map(Self::name).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), names })
    }

    fn name(text: &str) -> Result<Pattern, BadInclude> {
        match text {
            "" | "." | ".." => Err(BadInclude::NoName),
            _ if text.contains("**") => Err(BadInclude::Recursive),
            _ => Pattern::new(text).map_err(|_| BadInclude::Bracket),
        }
    }

    /// The pattern as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many names a path has that it matches; at least one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.names.len()
    }

    /// Whether `name` may be the name at `depth` of a path that it matches, counted from 0.
    #[must_use]
    pub fn matches(&self, depth: usize, name: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        self.names.get(depth).is_some_and(|pattern| pattern.matches_with(name, options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern = IncludePattern::parse(pattern).unwrap();
        let names: Vec<_> = path.split('/').collect();
        names.len() == pattern.depth()
            && names.iter().enumerate().all(|(depth, name)| pattern.matches(depth, name))
    }

    #[test]
    fn names_are_matched_one_by_one() {
        for (pattern, path) in [
            ("lans/*.yaml", "lans/perth.yaml"),
            ("*.yaml", "perth.yaml"),
            ("perth.yaml", "perth.yaml"),
            ("regions/*/lans.yaml", "regions/asia/lans.yaml"),
            ("regions/??.yaml", "regions/eu.yaml"),
            ("[a-c]*.yaml", "berlin.yaml"),
            (".lans/*", ".lans/perth"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("lans/*.yaml", "lans/asia/perth.yaml"),
            ("lans/*.yaml", "lans/.perth.yaml"),
            ("lans/*.yaml", "lans/perth.yml"),
            ("lans/*.yaml", "lans/perth.yaml.orig"),
            ("lans/*.yaml", "perth.yaml"),
            ("lans/*.yaml", "LANS/perth.yaml"),
            ("*.yaml", "lans/perth.yaml"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_directory() {
        for (text, why) in [
            ("", BadInclude::NoName),
            ("/etc/passwd", BadInclude::Absolute),
            ("~/lans.yaml", BadInclude::Absolute),
            ("..", BadInclude::NoName),
            ("../other/*.yaml", BadInclude::NoName),
            ("lans/../../x", BadInclude::NoName),
            ("./lans.yaml", BadInclude::NoName),
            ("lans//a.yaml", BadInclude::NoName),
            ("lans/", BadInclude::NoName),
            ("lans/**/a.yaml", BadInclude::Recursive),
            ("**.yaml", BadInclude::Recursive),
            ("lans/[a.yaml", BadInclude::Bracket),
            ("lans\\a.yaml", BadInclude::Character),
            ("lans/\u{1b}[2J", BadInclude::Character),
            ("lans/a\0b", BadInclude::Character),
            (&"a/".repeat(16), BadInclude::TooLong),
            (&"a".repeat(4096), BadInclude::TooLong),
        ] {
            assert_eq!(IncludePattern::parse(text), Err(why), "{text:?}");
        }
        // No pattern takes a name that is a way up.
        for pattern in ["*", "?", "??", ".*", "[.]*", ".?"] {
            let Ok(pattern) = IncludePattern::parse(pattern) else { continue };
            assert!(!pattern.matches(0, "a/b"));
        }
    }
}
