//! Reading mesh.yaml and the mesh.lock beside it, for every command that works on a mesh.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, Exit, Failure, Format};
use crate::host::FileError;
use crate::model::{self, Lock, Mesh, NumberedMesh, Places, Update};
use crate::primitives::{GatewayNumber, Name};
use crate::report::{FindingsReport, Source, Sources, findings_text};
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
}

impl MeshFile {
    /// The mesh with the numbers of its gateways.
    pub(super) fn numbered(&self) -> NumberedMesh<'_> {
        NumberedMesh { mesh: &self.mesh, numbers: self.numbers.clone() }
    }
}

/// Where a mesh is read from.
#[derive(Debug, Clone, Copy)]
enum Version<'a> {
    /// The files as they are.
    Disk,
    /// The files as a commit has them.
    Commit(&'a str),
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
    let examined = examine_in(file, Version::Commit(commit), Locking::Required, context)?;
    accept(file, examined, context)
}

fn accept(file: &Utf8Path, examined: Examined, context: &mut Context) -> Result<MeshFile, Failure> {
    let Examined { sources, findings, outcome } = examined;
    let Some(outcome) = outcome else {
        return Err(refuse(&findings, &sources, context));
    };
    if !findings.is_empty() {
        context.terminal.report(&findings_text(&findings, &sources, true));
    }
    let numbers = outcome.update.lock.numbers();
    Ok(MeshFile { path: context.path(file), mesh: outcome.mesh, numbers })
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

/// Which of the two files has errors. An error without a place is one of mesh.yaml, unless it is that
/// `tieline lock` has to be run.
fn guilty(findings: &[Finding], sources: &Sources) -> String {
    let (mesh, lock) = (&sources.mesh.name, &sources.lock.name);
    let (mut in_mesh, mut in_lock, mut behind) = (false, false, false);
    for error in findings.iter().filter(|finding| finding.severity() == Severity::Error) {
        match (error.code, &error.primary) {
            (Code::LockMissing | Code::NotNumbered | Code::NotRetired, _) => behind = true,
            (_, Some(label)) if label.place.file == SourceFile::Lock => in_lock = true,
            _ => in_mesh = true,
        }
    }
    match (in_mesh, in_lock, behind) {
        (true, true, _) => format!("{mesh} and {lock} have errors"),
        (false, true, _) => format!("{lock} has errors"),
        (false, false, true) => format!("{lock} is missing or behind"),
        _ => format!("{mesh} has errors"),
    }
}

/// A mesh as far as it could be read, and everything there is to say about it.
pub(super) struct Examined {
    /// Both files.
    pub(super) sources: Sources,
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
    examine_in(file, Version::Disk, locking, context)
}

fn examine_in(
    file: &Utf8Path,
    version: Version,
    locking: Locking,
    context: &Context,
) -> Result<Examined, Failure> {
    let mut sources = Sources::default();
    let mut findings = Vec::new();
    let mut read =
        |file: &Utf8Path, kind, source| read(file, version, kind, source, &mut findings, context);
    let mesh = read(file, SourceFile::Mesh, &mut sources.mesh)?;
    let Some(true) = mesh else {
        return match mesh {
            None => Err(missing(&sources.mesh.name)),
            _ => Ok(Examined { sources, findings, outcome: None }),
        };
    };
    let lock_file = file.with_extension("lock");
    let lock = read(&lock_file, SourceFile::Lock, &mut sources.lock)?;
    let lock = match lock {
        Some(true) => Lock::parse(&sources.lock.text).map_err(|more| findings.extend(more)).ok(),
        Some(false) => None,
        None if locking == Locking::Required => {
            let message = format!("{} does not exist", sources.lock.name);
            let finding = Finding::nowhere(Code::LockMissing, message);
            findings.push(finding.hint("run `tieline lock` and commit it"));
            None
        }
        None => Some(Lock::default()),
    };
    let outcome = match model::resolve(spec::parse(&sources.mesh.text)) {
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
    Ok(Examined { sources, findings, outcome })
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

/// Reads one file: `None` where it is not there, `Some(false)` where it is not text.
fn read(
    file: &Utf8Path,
    version: Version,
    kind: SourceFile,
    source: &mut Source,
    findings: &mut Vec<Finding>,
    context: &Context,
) -> Result<Option<bool>, Failure> {
    let path = context.path(file);
    let bytes = match version {
        Version::Disk => {
            source.name = path.to_string();
            context.host.files.read(&path, MAX_BYTES)
        }
        Version::Commit(commit) => {
            source.name = format!("{path} in commit {commit}");
            let there = context.host.checkout.file_in(&path, commit, MAX_BYTES);
            let there = there.map_err(|error| Failure::new(Exit::Failure, &error))?;
            there.ok_or(FileError::NotFound { path })
        }
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error @ FileError::TooLarge { .. }) => {
            findings.push(Finding::nowhere(Code::TooLarge, error.to_string()));
            return Ok(Some(false));
        }
        Err(error) => return Err(Failure::new(Exit::Failure, &error)),
    };
    match spec::decode(kind, &bytes) {
        Ok(text) => {
            text.clone_into(&mut source.text);
            Ok(Some(true))
        }
        Err(finding) => {
            // What stands before the byte that is wrong is shown as it is.
            source.text = String::from_utf8_lossy(&bytes).into_owned();
            findings.push(*finding);
            Ok(Some(false))
        }
    }
}

fn missing(path: &str) -> Failure {
    Failure::say(Exit::Failure, format!("{path} does not exist"))
        .hint("`tieline init` writes one to begin with; -C DIR says where to look")
}
