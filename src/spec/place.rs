//! Places in the files administrators write.

use std::ops::Range;

/// A file that findings point into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceFile {
    /// `mesh.yaml`: what the mesh is to be.
    Mesh,
    /// A file that mesh.yaml includes, by its number in the order of their names.
    Included(u16),
    /// `mesh.lock`: the numbers of its gateways.
    Lock,
}

impl SourceFile {
    /// A place in this file.
    #[must_use]
    pub fn place(self, range: Range<usize>) -> Place {
        Place { file: self, start: range.start, end: range.end }
    }
}

/// A range of a file, in bytes of its text as [`decode`](super::decode) hands it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which file.
    pub file: SourceFile,
    /// Where it begins.
    pub start: usize,
    /// Where it ends; not included.
    pub end: usize,
}

impl Place {
    /// A place in mesh.yaml.
    #[must_use]
    pub fn mesh(range: Range<usize>) -> Self {
        SourceFile::Mesh.place(range)
    }

    /// A place in mesh.lock.
    #[must_use]
    pub fn lock(range: Range<usize>) -> Self {
        SourceFile::Lock.place(range)
    }
}

/// A value, and where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub place: Place,
}

impl<T> Placed<T> {
    /// A value with its place.
    #[must_use]
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }

    /// The same place, with what `convert` makes of the value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: convert(self.value), place: self.place }
    }

    /// The value by reference.
    #[must_use]
    pub fn as_ref(&self) -> Placed<&T> {
        Placed { value: &self.value, place: self.place }
    }
}

/// In a schema a placed value is the value.
impl<T: schemars::JsonSchema> schemars::JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
