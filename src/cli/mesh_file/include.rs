//! Which files mesh.yaml includes.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::files::MeshDirectory;
use crate::cli::Failure;
use crate::host::Kind;
use crate::spec::{Code, Finding, IncludePattern, MAX_INCLUDED, Placed, Printable};

/// What a mesh.yaml includes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Included {
    pub(super) patterns: Vec<Placed<IncludePattern>>,
    /// From the directory of mesh.yaml: each once, in the order of the paths.
    pub(in crate::cli) files: BTreeSet<Utf8PathBuf>,
}

impl Included {
    /// The files that match, without mesh.yaml itself. What looks as if LANs were missing is a
    /// finding: a pattern that matches nothing, a link, a directory.
    pub(super) fn find(
        patterns: Vec<Placed<IncludePattern>>,
        mesh: &Utf8Path,
        directory: &MeshDirectory,
        findings: &mut Vec<Finding>,
    ) -> Result<Self, Failure> {
        let mut files = BTreeSet::new();
        for pattern in &patterns {
            let before = findings.len();
            let mut found = Search { pattern, directory }.matching(findings)?;
            found.retain(|file| file != mesh);
            if found.is_empty() && findings.len() == before {
                let message = format!("no file matches `{}`", Printable(pattern.value.as_str()));
                let finding = Finding::new(Code::NothingIncluded, pattern.place, message);
                findings.push(finding.hint("paths count from the directory of mesh.yaml"));
            }
            files.extend(found);
            if files.len() > MAX_INCLUDED {
                let message = format!("more than {MAX_INCLUDED} files are included");
                findings.push(Finding::new(Code::TooLarge, pattern.place, message));
                files.clear();
                break;
            }
        }
        Ok(Self { patterns, files })
    }
}

/// The search for the files of one pattern.
struct Search<'a> {
    pattern: &'a Placed<IncludePattern>,
    directory: &'a MeshDirectory<'a>,
}

impl Search<'_> {
    fn matching(&self, findings: &mut Vec<Finding>) -> Result<BTreeSet<Utf8PathBuf>, Failure> {
        let mut paths = BTreeSet::from([Utf8PathBuf::new()]);
        for depth in 0..self.pattern.value.depth() {
            let mut deeper = BTreeSet::new();
            for path in &paths {
                self.step(depth, path, &mut deeper, findings)?;
            }
            paths = deeper;
        }
        Ok(paths)
    }

    /// What matches one name more than `path`.
    fn step(
        &self,
        depth: usize,
        path: &Utf8Path,
        deeper: &mut BTreeSet<Utf8PathBuf>,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        let pattern = &self.pattern.value;
        let last = depth + 1 == pattern.depth();
        for (name, kind) in self.directory.list(path, |name| pattern.matches(depth, name))? {
            let path = path.join(name);
            match kind {
                Kind::File { .. } if last => drop(deeper.insert(path)),
                Kind::Directory if !last => drop(deeper.insert(path)),
                // Beside the directories of a level there may be a README.
                Kind::File { .. } => {}
                Kind::Directory => findings.push(self.no_file(&path, "a directory")),
                Kind::Link => findings.push(self.no_file(&path, "a symbolic link")),
                Kind::Other => findings.push(self.no_file(&path, "no regular file")),
            }
        }
        Ok(())
    }

    fn no_file(&self, path: &Utf8Path, what: &str) -> Finding {
        let (path, pattern) = (self.directory.name(path), self.pattern.value.as_str());
        let message =
            format!("`{}` matches {}, which is {what}", Printable(pattern), Printable(&path));
        let finding = Finding::new(Code::NotAFile, self.pattern.place, message);
        finding.hint("only regular files are included, and no links are followed: be more exact")
    }
}
