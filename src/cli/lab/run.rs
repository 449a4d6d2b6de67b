//! `tieline lab run`: the part outside of the lab.

use camino::{Utf8Path, Utf8PathBuf};

use super::super::mesh_file::{Examined, Locking, examine, refuse};
use super::super::{Context, Exit, Failure, Format};
use super::{INIT, same_voice};
use crate::lab::{Ended, IsolationError, MeshFiles, Orders, Walls};
use crate::primitives::Name;
use crate::report::findings_text;

/// Build a mesh in namespaces on this machine, with the real programs, and ping everyone from
/// everywhere
///
/// A network namespace for every gateway, for a host in every LAN and for a git server, with an
/// internet between them: keys and certificates are made, a release is built, signed and
/// published, and `tieline reconcile` runs on every gateway. Needs no root where the kernel gives
/// ordinary users namespaces. Nothing outside is touched, and nothing is left behind. The exit
/// code is 0 if every host reaches every other.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The mesh to build
    #[arg(value_name = "FILE", default_value = "mesh.yaml")]
    file: Utf8PathBuf,

    /// Change the mesh into CHANGED then, and look again; may be given several times
    #[arg(long, value_name = "CHANGED")]
    then: Vec<Utf8PathBuf>,

    /// Run COMMAND inside the lab afterwards, such as a shell to look around with
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let mut meshes = Vec::new();
    let mut first: Option<Name> = None;
    for file in [&args.file].into_iter().chain(&args.then) {
        let (name, mesh) = read(file, context)?;
        let before = first.get_or_insert_with(|| name.clone());
        if *before != name {
            return Err(another_mesh(before, &mesh.path, &name));
        }
        meshes.push(mesh);
    }
    let orders = Orders { program: program()?, meshes, command: args.command.clone() };
    let line = serde_json::to_string(&orders).map_err(|e| Failure::new(Exit::Failure, &e))?;
    let walls = Walls::survey(context.host.processes).map_err(|error| unavailable(&error))?;
    let ended = walls
        .enter(&orders.program, &same_voice(context, INIT), &line)
        .map_err(|error| unavailable(&error))?;
    let human = context.format == Format::Human;
    match ended {
        Ended::Worker(DONE) if human => {
            context.terminal.note("The lab is gone, and this machine is as it was before.");
            Ok(Exit::Done)
        }
        Ended::Worker(DONE) => Ok(Exit::Done),
        Ended::Worker(INTERRUPTED) | Ended::Interrupted => {
            context.terminal.note("interrupted: the lab is gone");
            Ok(Exit::Interrupted)
        }
        Ended::Killed => Err(killed()),
        // What was wrong has been said inside.
        Ended::Worker(UNAVAILABLE) => Ok(Exit::Unavailable),
        Ended::Worker(_) => Ok(Exit::Failure),
    }
}

const DONE: i32 = Exit::Done as i32;
const INTERRUPTED: i32 = Exit::Interrupted as i32;
const UNAVAILABLE: i32 = Exit::Unavailable as i32;

/// A lab that did not come to its end.
pub(super) fn killed() -> Failure {
    Failure::say(Exit::Failure, "the lab was killed, and is gone")
        .hint("a tunnel takes two OpenVPN processes of about 2 MiB each: is there memory for all?")
}

/// Reads a mesh and reports what is wrong with it, as every other command does.
fn read(file: &Utf8Path, context: &mut Context) -> Result<(Name, MeshFiles), Failure> {
    let Examined { sources, included, findings, outcome } =
        examine(file, Locking::Optional, context)?;
    let Some(outcome) = outcome else {
        return Err(refuse(&findings, &sources, context));
    };
    if !findings.is_empty() && !context.terminal.is_quiet() {
        context.terminal.report(&findings_text(&findings, &sources, true));
    }
    let lock = Some(sources.lock.text).filter(|text| !text.is_empty());
    let texts = sources.included.into_iter().map(|source| source.text);
    let included = included.files.into_iter().zip(texts).collect();
    let files = MeshFiles { path: context.path(file), mesh: sources.mesh.text, included, lock };
    Ok((outcome.mesh.name, files))
}

/// Gateways never take a release of another mesh, so there is no change to look at.
fn another_mesh(first: &Name, path: &Utf8Path, name: &Name) -> Failure {
    let text = format!("{path} is of mesh {name}, and the lab is of mesh {first}");
    Failure::say(Exit::MeshErrors, text).hint(format!(
        "a mesh cannot be renamed while it runs: give both files the same `mesh:`, or run a lab of \
         {name} alone"
    ))
}

/// This very program.
fn program() -> Result<Utf8PathBuf, Failure> {
    let unknown = |what: String| {
        Failure::say(Exit::Failure, format!("cannot find out which program this is: {what}"))
    };
    let path = std::env::current_exe().map_err(|error| unknown(error.to_string()))?;
    Utf8PathBuf::from_path_buf(path)
        .map_err(|path| unknown(format!("{} is not UTF-8", path.display())))
}

fn unavailable(error: &IsolationError) -> Failure {
    let failure = Failure::new(Exit::Unavailable, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
