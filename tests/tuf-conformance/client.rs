//! The client under test of the public TUF conformance suite
//! (<https://github.com/theupdateframework/tuf-conformance>, CLIENT-CLI.md).
//!
//! It is made of what runs on gateways: [`Update`] decides, [`MetadataDirectory`] keeps, and files come
//! as they come from a mirror.

#![allow(clippy::print_stderr)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Parser, Subcommand};
use tieline::host::http::{Allowance, Mirror, Mirrors as _, OpenMirror, RealMirrors};
use tieline::host::{Clock as _, FileError, Files as _, Mode, RealClock, RealFiles};
use tieline::primitives::error_chain;
use tieline::reconcile::MetadataDirectory;
use tieline::tuf::{Request, Update};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Far more than any file of the suite, in bytes.
const LIMIT: u64 = 64 << 20;

/// How long a server may take for everything.
const DEADLINE: Duration = Duration::from_mins(1);

#[derive(Parser)]
struct Cli {
    /// Where trusted metadata are kept
    #[arg(long)]
    metadata_dir: Utf8PathBuf,
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Remote {
    /// Where the repository has its metadata
    #[arg(long)]
    metadata_url: Option<String>,
    /// Where the repository has its targets
    #[arg(long)]
    target_base_url: Option<String>,
    /// A target to download; several are downloaded in this order
    #[arg(long)]
    target_name: Vec<String>,
    /// Where downloaded targets go
    #[arg(long, default_value = ".")]
    target_dir: Utf8PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Begin with a trusted root
    Init { trusted_root: Utf8PathBuf },
    /// Bring the top-level metadata up to date
    Refresh,
    /// Do that, and download targets
    Download,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Init { trusted_root } => init(&cli.metadata_dir, trusted_root),
        Command::Refresh => download(&cli.metadata_dir, &cli.remote, &[]),
        Command::Download => download(&cli.metadata_dir, &cli.remote, &cli.remote.target_name),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error_chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn init(directory: &Utf8Path, root: &Utf8Path) -> Result<()> {
    let root = RealFiles.read(root, LIMIT)?;
    RealFiles.create_dir(directory)?;
    Ok(RealFiles.replace(&directory.join("root.json"), &root, Mode::Public)?)
}

/// One update, and the targets `wanted`, each sought when the one before is there.
fn download(directory: &Utf8Path, remote: &Remote, wanted: &[String]) -> Result<()> {
    let kept = MetadataDirectory::read(&RealFiles, directory)?;
    let stored = kept.stored(|| Err("there is no trusted root: use init first"))?;
    let mut update = Update::start(stored, RealClock.now())?;
    let done = follow(&mut update, remote, wanted);
    // What is trusted counts, also where the way ended early.
    kept.save(&RealFiles, &update)?;
    done
}

fn follow(update: &mut Update, remote: &Remote, wanted: &[String]) -> Result<()> {
    let mut metadata = open(remote.metadata_url.as_deref())?;
    supply(update, &mut *metadata)?;
    for path in wanted {
        update.seek(path)?;
        supply(update, &mut *metadata)?;
        let file = update.found(path)?.ok_or_else(|| format!("nobody has a target {path}"))?;
        let place = remote.target_dir.join(path.replace('%', "%25").replace('/', "%2F"));
        match RealFiles.read(&place, LIMIT) {
            Ok(bytes) if file.is(&bytes) => continue,
            Ok(_) | Err(FileError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut targets = open(remote.target_base_url.as_deref())?;
        let request = file.request();
        let bytes = get(&mut *targets, &request)?;
        let bytes = bytes.filter(|bytes| file.is(bytes));
        let bytes = bytes.ok_or_else(|| format!("{} is not what is signed", request.path))?;
        RealFiles.replace(&place, &bytes, Mode::Public)?;
    }
    Ok(())
}

/// Gives the update what it asks for, until it has enough.
fn supply(update: &mut Update, metadata: &mut dyn OpenMirror) -> Result<()> {
    while let Some(request) = update.next() {
        update.supply(get(metadata, &request)?)?;
    }
    Ok(())
}

fn open(url: Option<&str>) -> Result<Box<dyn OpenMirror>> {
    let url = url.ok_or("there is no URL to ask")?.parse()?;
    Ok(RealMirrors.open(&Mirror { url, ca: None }, Allowance::slice(DEADLINE))?)
}

/// A file of one of the two directories, which here have addresses of their own.
fn get(mirror: &mut dyn OpenMirror, request: &Request) -> Result<Option<Vec<u8>>> {
    let (_, file) = request.path.split_once('/').ok_or("a path without a directory")?;
    Ok(mirror.get(file, request.limit)?)
}
