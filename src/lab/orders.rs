//! What the process outside tells the one inside.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::spec::{Parsed, SourceFile, parse};

/// What a lab is to do, as one line of JSON over a pipe: inside, other file systems hide some of
/// the user's files, so their content travels along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// This program, which plays every part in the lab.
    pub program: Utf8PathBuf,
    /// The meshes to build, one after the other, at least one.
    pub meshes: Vec<MeshFiles>,
    /// What to run inside afterwards; empty for nothing.
    pub command: Vec<String>,
}

/// A mesh as its administrators have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeshFiles {
    /// Where mesh.yaml was read, for messages.
    pub path: Utf8PathBuf,
    /// mesh.yaml.
    pub mesh: String,
    /// The files that it includes, by their paths from its directory.
    pub included: BTreeMap<Utf8PathBuf, String>,
    /// The mesh.lock beside it, if there is one.
    pub lock: Option<String>,
}

impl MeshFiles {
    /// What mesh.yaml and the files that it includes say.
    pub(super) fn parse(&self) -> Parsed {
        let included = self.included.values().zip(0..);
        let included = included.map(|(text, n)| (SourceFile::Included(n), text.as_str()));
        parse(&self.mesh).with(included)
    }
}
