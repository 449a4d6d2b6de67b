//! Reading mesh.yaml, what it includes and the mesh.lock beside it, for every command that works on a
//! mesh.

mod files;
mod include;
mod reader;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use self::files::{MeshDirectory, directory_of};
use self::include::Included;
use self::reader::{Reader, There};
use super::{Context, Exit, Failure, Format};
use crate::model::{self, Lock, Mesh, NumberedMesh, Places, Update};
use crate::primitives::{GatewayNumber, Name};
use crate::report::{FindingsReport, Sources, findings_text};
use crate::spec::{self, Code, Finding, MAX_BYTES, Severity, SourceFile};

/// What is expected of mesh.lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// It must be there and fit.
    Required,
    /// Where it is missing or behind, numbers are what `tieline lock` would make them.
    Optional,
}

/// A mesh without errors, with its numbers.
#[derive(Debug)]
pub(super) struct MeshFile {
    /// Where mesh.yaml is.
    pub(super) path: Utf8PathBuf,
    mesh: Mesh,
    numbers: BTreeMap<Name, GatewayNumber>,
    included: Included,
}

impl MeshFile {
    /// The mesh with the numbers of its gateways.
    pub(super) fn numbered(&self) -> NumberedMesh<'_> {
        NumberedMesh { mesh: &self.mesh, numbers: self.numbers.clone() }
    }

    /// The commit that is checked out, if it has this mesh exactly as it was read here: every file
    /// as it is on disk, and no other that is included.
    pub(super) fn commit(&self, context: &Context) -> Option<String> {
        let directory = directory_of(&self.path);
        let included = self.included.files.iter().map(|file| directory.join(file));
        let mut files = vec![self.path.clone(), self.path.with_extension("lock")];
        files.extend(included);
        let files: Vec<_> = files.iter().map(Utf8PathBuf::as_path).collect();
        let commit = context.host.checkout.commit_of(&files)?;
        let committed = MeshDirectory::in_commit(&self.path, &commit, context).ok()?;
        let name = name_of(&self.path);
        let mut findings = Vec::new();
        let patterns = self.included.patterns.clone();
        let there = Included::find(patterns, name, &committed, &mut findings).ok()?;
        (there == self.included && findings.is_empty()).then_some(commit)
    }
}

/// Reads a mesh that has to be free of errors. Findings go to standard error.
pub(super) fn load(
    file: &Utf8Path,
    locking: Locking,
    context: &mut Context,
) -> Result<MeshFile, Failure> {
    accept(file, examine(file, locking, context)?, context)
}

/// Reads the mesh, and its mesh.lock, that `commit` has at the place of `file`.
pub(super) fn load_commit(
    file: &Utf8Path,
    commit: &str,
    context: &mut Context,
) -> Result<MeshFile, Failure> {
    let directory = MeshDirectory::in_commit(&context.path(file), commit, context);
    let directory = directory.map_err(|error| Failure::new(Exit::Failure, &error))?;
    let examined = examine_in(&directory, file, Locking::Required)?;
    accept(file, examined, context)
}

fn accept(file: &Utf8Path, examined: Examined, context: &mut Context) -> Result<MeshFile, Failure> {
    let Examined { sources, findings, outcome, included } = examined;
    let Some(outcome) = outcome else {
        return Err(refuse(&findings, &sources, context));
    };
    if !findings.is_empty() {
        context.terminal.report(&findings_text(&findings, &sources, true));
    }
    let numbers = outcome.update.lock.numbers();
    Ok(MeshFile { path: context.path(file), mesh: outcome.mesh, numbers, included })
}

/// Prints findings where a command cannot go on because of them, and says so.
pub(super) fn refuse(findings: &[Finding], sources: &Sources, context: &mut Context) -> Failure {
    if context.format == Format::Json {
        let report = FindingsReport::new(findings, sources);
        if let Err(failure) = context.json(&report) {
            return failure;
        }
    } else {
        context.terminal.report(&findings_text(findings, sources, true));
    }
    Failure::say(
        Exit::MeshErrors,
        format!("nothing was done, because {}", guilty(findings, sources)),
    )
}

/// Which of the files have errors. An error without a place is one of mesh.yaml, unless it is that
/// `tieline lock` has to be run.
fn guilty(findings: &[Finding], sources: &Sources) -> String {
    let mut guilty = BTreeSet::new();
    let mut behind = false;
    for error in findings.iter().filter(|finding| finding.severity() == Severity::Error) {
        match (error.code, &error.primary) {
            (Code::LockMissing | Code::NotNumbered | Code::NotRetired, _) => behind = true,
            (_, Some(label)) => drop(guilty.insert(label.place.file)),
            (_, None) => drop(guilty.insert(SourceFile::Mesh)),
        }
    }
    match guilty.len() {
        0 if behind => format!("{} is missing or behind", sources.lock.name),
        0 | 1 => format!("{} has errors", sources.names(guilty)),
        _ => format!("{} have errors", sources.names(guilty)),
    }
}

/// A mesh as far as it could be read, and everything there is to say about it.
pub(super) struct Examined {
    /// All files.
    pub(super) sources: Sources,
    /// What mesh.yaml includes.
    pub(super) included: Included,
    /// All findings, in the order of the files.
    pub(super) findings: Vec<Finding>,
    /// The mesh, unless one of the findings is an error.
    pub(super) outcome: Option<Outcome>,
}

/// A mesh without errors.
pub(super) struct Outcome {
    /// The mesh.
    pub(super) mesh: Mesh,
    /// Its mesh.lock, brought up to the mesh where it was not.
    pub(super) update: Update,
}

/// Reads a mesh and notes every problem. Fails only where files cannot be read.
pub(super) fn examine(
    file: &Utf8Path,
    locking: Locking,
    context: &Context,
) -> Result<Examined, Failure> {
    examine_in(&MeshDirectory::on_disk(&context.path(file), context), file, locking)
}

fn examine_in(
    directory: &MeshDirectory,
    file: &Utf8Path,
    locking: Locking,
) -> Result<Examined, Failure> {
    let mut reader = Reader { directory, sources: Sources::default(), findings: Vec::new() };
    let name = name_of(file);
    let (there, source) = reader.read(name, SourceFile::Mesh, MAX_BYTES)?;
    reader.sources.mesh = source;
    let (parsed, included) = match there {
        There::Text => reader.parse(name)?,
        There::No => return Err(missing(&reader.sources.mesh.name)),
        There::Broken => {
            let Reader { sources, findings, .. } = reader;
            return Ok(Examined {
                sources,
                included: Included::default(),
                findings,
                outcome: None,
            });
        }
    };
    let (there, source) = reader.read(&name.with_extension("lock"), SourceFile::Lock, MAX_BYTES)?;
    reader.sources.lock = source;
    let Reader { sources, mut findings, .. } = reader;
    let lock = match there {
        There::Text => Lock::parse(&sources.lock.text).map_err(|more| findings.extend(more)).ok(),
        There::Broken => None,
        There::No if locking == Locking::Required => {
            let message = format!("{} does not exist", sources.lock.name);
            let finding = Finding::nowhere(Code::LockMissing, message);
            findings.push(finding.hint("run `tieline lock` and commit it"));
            None
        }
        There::No => Some(Lock::default()),
    };
    let outcome = match model::resolve(parsed) {
        Ok(resolved) => {
            findings.extend(resolved.warnings);
            lock.and_then(|lock| {
                number(resolved.mesh, lock, &resolved.places, locking, &mut findings)
            })
        }
        Err(more) => {
            findings.extend(more);
            None
        }
    };
    spec::sort(&mut findings);
    Ok(Examined { sources, included, findings, outcome })
}

/// Holds a mesh and its mesh.lock against each other.
fn number(
    mesh: Mesh,
    lock: Lock,
    places: &Places,
    locking: Locking,
    findings: &mut Vec<Finding>,
) -> Option<Outcome> {
    let update = match locking {
        Locking::Required => Update { lock, added: Vec::new(), retired: Vec::new() },
        Locking::Optional => match lock.update(&mesh) {
            Ok(update) => update,
            Err(problem) => {
                findings.push(problem.finding(places));
                return None;
            }
        },
    };
    let problems = model::number(&mesh, &update.lock).err();
    let Some(problems) = problems else { return Some(Outcome { mesh, update }) };
    findings.extend(problems.iter().map(|problem| problem.finding(places)));
    None
}

/// The name of a file in its directory.
fn name_of(file: &Utf8Path) -> &Utf8Path {
    Utf8Path::new(file.file_name().unwrap_or_default())
}

fn missing(path: &str) -> Failure {
    Failure::say(Exit::Failure, format!("{path} does not exist"))
        .hint("`tieline init` writes one to begin with; -C DIR says where to look")
}
