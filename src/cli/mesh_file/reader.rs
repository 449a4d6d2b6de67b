//! From files to what they say, with everything that is wrong with them.

use camino::Utf8Path;

use super::files::{Content, MeshDirectory};
use super::include::Included;
use crate::cli::{Exit, Failure};
use crate::report::{Source, Sources};
use crate::spec::{self, Code, Finding, MAX_BYTES, Parsed, SourceFile};

/// Whether there is something to parse.
pub(super) enum There {
    /// A text.
    Text,
    /// Something that is no text, which has been reported.
    Broken,
    /// Nothing.
    No,
}

/// Reads the files of a mesh one after the other.
pub(super) struct Reader<'a> {
    pub(super) directory: &'a MeshDirectory<'a>,
    pub(super) sources: Sources,
    pub(super) findings: Vec<Finding>,
}

impl Reader<'_> {
    /// Parses mesh.yaml, which has been read, and what it includes.
    pub(super) fn parse(&mut self, mesh: &Utf8Path) -> Result<(Parsed, Included), Failure> {
        let mut parsed = spec::parse(&self.sources.mesh.text);
        let patterns = parsed.spec.as_ref().map(|spec| spec.include.clone()).unwrap_or_default();
        let included = Included::find(patterns, mesh, self.directory, &mut parsed.findings)?;
        let mut left = MAX_BYTES.saturating_sub(self.sources.mesh.text.len() as u64);
        let mut texts = Vec::new();
        for (file, number) in included.files.iter().zip(0..) {
            let kind = SourceFile::Included(number);
            let (there, source) = self.read(file, kind, left)?;
            left = left.saturating_sub(source.text.len() as u64);
            match there {
                There::Text => texts.push(kind),
                There::Broken => {}
                There::No => return Err(gone(&source.name)),
            }
            self.sources.included.push(source);
        }
        // Findings of the files stop what follows, so they belong to the mesh.
        parsed.findings.append(&mut self.findings);
        let texts = texts.into_iter().map(|file| (file, self.sources.of(file).text.as_str()));
        Ok((parsed.with(texts), included))
    }

    /// Reads one file of at most `limit` bytes.
    pub(super) fn read(
        &mut self,
        file: &Utf8Path,
        kind: SourceFile,
        limit: u64,
    ) -> Result<(There, Source), Failure> {
        let mut source = Source { name: self.directory.name(file), text: String::new() };
        let bytes = match self.directory.read(file, limit)? {
            Content::Bytes(bytes) => bytes,
            Content::Missing => return Ok((There::No, source)),
            Content::TooLarge => {
                let message = too_large(&source.name, kind);
                self.findings.push(Finding::nowhere(Code::TooLarge, message));
                return Ok((There::Broken, source));
            }
        };
        match spec::decode(kind, &bytes) {
            Ok(text) => {
                text.clone_into(&mut source.text);
                Ok((There::Text, source))
            }
            Err(finding) => {
                // What stands before the byte that is wrong is shown as it is.
                source.text = String::from_utf8_lossy(&bytes).into_owned();
                self.findings.push(*finding);
                Ok((There::Broken, source))
            }
        }
    }
}

fn too_large(name: &str, kind: SourceFile) -> String {
    match kind {
        SourceFile::Mesh | SourceFile::Lock => format!("{name} is larger than {MAX_BYTES} bytes"),
        SourceFile::Included(_) => format!(
            "with {name}, mesh.yaml and the files it includes are larger than {MAX_BYTES} bytes"
        ),
    }
}

fn gone(name: &str) -> Failure {
    Failure::say(Exit::Failure, format!("{name} was removed while the mesh was read"))
        .hint("run it again")
}
