//! `tieline init`.

use camino::Utf8Path;

use super::{Context, Exit, Failure};
use crate::host::{FileError, Kind, Mode};
use crate::primitives::schema_text;
use crate::spec::{included_schema, mesh_schema};

/// Write a mesh.yaml to begin with
///
/// Beside it, mesh.schema.json and lans.schema.json let editors check and complete mesh.yaml and
/// the files it includes while you type, and .gitignore keeps keys and what is built out of git.
/// Nothing that is there already is overwritten, except the schemas with --schema; a .gitignore
/// gets the lines that it lacks.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the schemas only, for instance after an upgrade of Tieline
    #[arg(long)]
    schema: bool,
}

const MESH: &str = "mesh.yaml";
const GITIGNORE: &str = ".gitignore";
const MESH_SCHEMA: &str = "mesh.schema.json";
const LANS_SCHEMA: &str = "lans.schema.json";

/// Private keys above all: they belong into no repository.
const IGNORED: &str = "*.pem\n/build/\n/repository/\n";

/// The most of a .gitignore that is read, in bytes.
const MAX_GITIGNORE: u64 = 1 << 20;

/// A mesh of two LANs in which only the certificates are missing.
const STARTER: &str = include_str!("starter.yaml");

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let fail = |error: &FileError| Failure::new(Exit::Failure, error);
    let files = context.host.files;
    let mesh = context.path(Utf8Path::new(MESH));
    if !args.schema {
        files.create(&mesh, STARTER.as_bytes(), Mode::Public).map_err(|error| match error {
            FileError::AlreadyExists { .. } => {
                fail(&error).hint("remove it first if you want to begin anew")
            }
            _ => fail(&error),
        })?;
        let ignored = context.path(Utf8Path::new(GITIGNORE));
        match files.create(&ignored, IGNORED.as_bytes(), Mode::Public) {
            Err(FileError::AlreadyExists { .. }) => ignore(&ignored, context)?,
            done => done.map_err(|error| fail(&error))?,
        }
    }
    for (name, schema) in [(MESH_SCHEMA, mesh_schema()), (LANS_SCHEMA, included_schema())] {
        let (path, text) = (context.path(Utf8Path::new(name)), schema_text(schema));
        files.replace(&path, text.as_bytes(), Mode::Public).map_err(|error| fail(&error))?;
    }
    if args.schema {
        context.terminal.note(&format!("wrote {MESH_SCHEMA} and {LANS_SCHEMA}"));
    } else {
        context.terminal.note(&format!(
            "wrote {mesh} and its schemas: describe your LANs, then run `tieline check`"
        ));
    }
    Ok(Exit::Done)
}

/// Adds to a .gitignore that is there already what it lacks.
fn ignore(path: &Utf8Path, context: &mut Context) -> Result<(), Failure> {
    let fail = |error: &FileError| Failure::new(Exit::Failure, error);
    let files = context.host.files;
    let kind = files.kind(path).map_err(|error| fail(&error))?;
    if !matches!(kind, Some(Kind::File { .. })) {
        return Err(Failure::say(Exit::Failure, format!("{path} is no regular file"))
            .hint("private keys must not get into git: have it ignore *.pem"));
    }
    let there = files.read(path, MAX_GITIGNORE).map_err(|error| fail(&error))?;
    let has = |line: &str| there.split(|byte| *byte == b'\n').any(|own| own == line.as_bytes());
    let missing: Vec<_> = IGNORED.lines().filter(|line| !has(line)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let ended = there.is_empty() || there.ends_with(b"\n");
    let more = format!("{}{}\n", if ended { "" } else { "\n" }, missing.join("\n"));
    let text = [&there[..], more.as_bytes()].concat();
    files.replace(path, &text, Mode::Public).map_err(|error| fail(&error))?;
    context.terminal.note(&format!("added {} to {path}", missing.join(", ")));
    Ok(())
}
