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
    /// The place as a range of the text, whatever the place claims.
    pub(super) fn range(&self, place: Place) -> std::ops::Range<usize> {
        let valid = self.text.get(place.start..place.end).is_some();
        if valid { place.start..place.end } else { self.text.len()..self.text.len() }
    }
}
