//! `tieline init`.

use camino::Utf8Path;

use super::{Context, Exit, Failure};
use crate::host::{FileError, Mode};
use crate::primitives::schema_text;
use crate::spec::{included_schema, mesh_schema};

/// Write a mesh.yaml to begin with
///
/// Beside it, mesh.schema.json and lans.schema.json let editors check and complete mesh.yaml and
/// the files it includes while you type, and .gitignore keeps keys and what is built out of git.
/// Nothing that is there already is overwritten, except the schemas with --schema.
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
    }
    if !args.schema {
        let ignored = context.path(Utf8Path::new(GITIGNORE));
        match files.create(&ignored, IGNORED.as_bytes(), Mode::Public) {
            Err(error @ FileError::AlreadyExists { .. }) => {
                context.terminal.step(&format!("{error}, and is left as it is"));
            }
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
