//! The files that findings point into.

use super::counted;
use crate::spec::{Place, SourceFile};

/// A file as people know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// What it is called in messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The files of a mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// mesh.yaml.
    pub mesh: Source,
    /// What it includes, in the order of the names.
    pub included: Vec<Source>,
    /// mesh.lock; empty where there is none.
    pub lock: Source,
}

impl Sources {
    /// A file.
    #[must_use]
    pub fn of(&self, file: SourceFile) -> &Source {
        match file {
            SourceFile::Mesh => &self.mesh,
            SourceFile::Included(number) => self.included.get(usize::from(number)).unwrap_or(NONE),
            SourceFile::Lock => &self.lock,
        }
    }

    /// Files by name: "mesh.yaml and mesh.lock", or how many more than three.
    #[must_use]
    pub fn names(&self, files: impl IntoIterator<Item = SourceFile>) -> String {
        let mut names: Vec<_> = files.into_iter().map(|file| self.of(file).name.as_str()).collect();
        let more = names.split_off(names.len().min(MOST_NAMED)).len();
        let last = match more {
            0 => names.pop().unwrap_or_default().to_owned(),
            _ => counted(more, "more file"),
        };
        if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
    }

    /// Every file, in the order of findings.
    pub(super) fn all(&self) -> impl Iterator<Item = (SourceFile, &Source)> {
        let included =
            self.included.iter().zip(0..).map(|(source, n)| (SourceFile::Included(n), source));
        let mesh = (SourceFile::Mesh, &self.mesh);
        std::iter::once(mesh).chain(included).chain([(SourceFile::Lock, &self.lock)])
    }
}

/// Files that are named one by one.
const MOST_NAMED: usize = 3;

/// A file that is not there.
const NONE: &Source = &Source { name: String::new(), text: String::new() };

impl Source {
    /// The place as a range of the text, whatever the place claims.
    pub(super) fn range(&self, place: Place) -> std::ops::Range<usize> {
        let valid = self.text.get(place.start..place.end).is_some();
        if valid { place.start..place.end } else { self.text.len()..self.text.len() }
    }
}
