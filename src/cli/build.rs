//! `tieline build`.

use std::collections::BTreeMap;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};

use super::mesh_file::{Locking, MeshFile, load};
use super::{Context, Exit, Failure, Format};
use crate::bundle::{Build, BuiltBundle, Bundle};
use crate::compile::compile;
use crate::primitives::Name;
use crate::report::counted;

/// Compile the mesh into one bundle per gateway
///
/// Needs no secret. The same mesh.yaml, mesh.lock and version of Tieline give the same bundles,
/// byte for byte, on every machine; a gateway that a change does not concern keeps its bundle.
/// The directory is replaced as a whole. Its build.json says what is in it, for `tieline sign`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The mesh; mesh.lock beside it must have a number for every gateway
    #[arg(value_name = "FILE", default_value = "mesh.yaml")]
    file: Utf8PathBuf,

    /// Write bundles and build.json into DIR
    #[arg(long, value_name = "DIR", default_value = "build")]
    out: Utf8PathBuf,

    /// Note where the mesh comes from: a commit, `auto` for the one that is checked out if it
    /// has the mesh as it is, or `none`
    #[arg(long, value_name = "COMMIT", default_value = "auto")]
    source_commit: SourceCommit,
}

/// Which commit is noted as the source.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SourceCommit {
    /// The one that is checked out, if it has the mesh as it is.
    Auto,
    /// None.
    None,
    /// This one.
    Given(String),
}

impl FromStr for SourceCommit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            // SHA-1 or SHA-256, whole: what is short today is ambiguous tomorrow.
            _ if matches!(text.len(), 40 | 64) && text.bytes().all(hex) => {
                Ok(Self::Given(text.to_owned()))
            }
            _ => Err("a commit is 40 or 64 lower-case hexadecimal digits".to_owned()),
        }
    }
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let out = context.path(&args.out);
    check_out(&out, context)?;
    let mesh = load(&args.file, Locking::Required, context)?;
    let source_commit = match &args.source_commit {
        SourceCommit::Auto => mesh.commit(context),
        SourceCommit::None => None,
        SourceCommit::Given(commit) => Some(commit.clone()),
    };
    let bundles = context.terminal.work("compiling", || compile(&mesh.numbered()));
    let build = describe(&mesh, &bundles, source_commit);
    write(&out, &build, bundles, context)?;
    match context.format {
        Format::Json => context.json(&build)?,
        Format::Human => context.terminal.note(&summary(&out, &build)),
    }
    Ok(Exit::Done)
}

/// Refuses a directory that holds something else: it will be replaced as a whole.
fn check_out(out: &Utf8Path, context: &Context) -> Result<(), Failure> {
    let there =
        context.host.files.list(out).map_err(|error| Failure::new(Exit::Failure, &error))?;
    if there.is_empty() || there.iter().any(|name| name == Build::FILE) {
        return Ok(());
    }
    let message = format!("{out} holds something else than a build, and would be replaced");
    Err(Failure::say(Exit::Failure, message).hint("name another directory with --out"))
}

fn describe(
    mesh: &MeshFile,
    bundles: &BTreeMap<Name, Bundle>,
    source_commit: Option<String>,
) -> Build {
    let describe = |(name, bundle): (&Name, &Bundle)| {
        let built = BuiltBundle { length: bundle.bytes.len() as u64, sha256: bundle.digest };
        (name.clone(), built)
    };
    Build {
        format: Build::FORMAT,
        mesh: mesh.numbered().mesh.name.clone(),
        source_commit,
        tieline: Some(env!("CARGO_PKG_VERSION").to_owned()),
        gateways: bundles.iter().map(describe).collect(),
    }
}

fn write(
    out: &Utf8Path,
    build: &Build,
    bundles: BTreeMap<Name, Bundle>,
    context: &Context,
) -> Result<(), Failure> {
    let mut files: BTreeMap<String, Vec<u8>> = bundles
        .into_iter()
        .map(|(name, bundle)| (Build::bundle_file(&name), bundle.bytes))
        .collect();
    let mut json =
        serde_json::to_vec_pretty(build).map_err(|error| Failure::new(Exit::Failure, &error))?;
    json.push(b'\n');
    files.insert(Build::FILE.to_owned(), json);
    let written = context.host.files.replace_dir(out, &files);
    written.map_err(|error| Failure::new(Exit::Failure, &error))
}

fn summary(out: &Utf8Path, build: &Build) -> String {
    let count = build.gateways.len();
    let bytes: u64 = build.gateways.values().map(|bundle| bundle.length).sum();
    format!("{out}: {} of mesh {}, {bytes} bytes", counted(count, "bundle"), build.mesh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_named_in_full() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit.parse(), Ok(SourceCommit::Given(commit.to_owned())));
        for bad in ["HEAD", "", "0123456", &commit.to_uppercase(), &commit[1..]] {
            assert!(bad.parse::<SourceCommit>().is_err(), "{bad:?}");
        }
    }
}
