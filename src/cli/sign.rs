//! `tieline sign`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::trust::{Directory, Lifetime, SignerArgs, consent, refuse};
use super::{Context, Exit, Failure, Format};
use crate::bundle::{self, Build};
use crate::primitives::Name;
use crate::report::ReleaseReport;
use crate::tuf::repository::{Audit, NewRelease, ReleaseTerms, RepositoryError, release};
use crate::tuf::{Limits, Request, Signer, UtcTime};

/// Sign the built bundles as the next release
///
/// Verifies the repository as it is, checks every bundle against build/build.json, and adds a
/// release one higher than the last: targets metadata (what each gateway's bundle is), snapshot
/// and timestamp (that this is the newest). Gateways accept it only if the keys that the
/// repository's root names for these roles have signed.
///
/// Metadata expire, so that nobody can keep a gateway on an old release unnoticed. Sign again,
/// from CI on a schedule, before the timestamp does. What expired installs nothing new and stops
/// nothing that runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory that `tieline build` wrote
    #[arg(long, value_name = "DIR", default_value = "build")]
    build: Utf8PathBuf,

    /// The repository that the release is added to
    #[arg(long, value_name = "DIR", default_value = "repository")]
    repository: Utf8PathBuf,

    #[command(flatten)]
    signers: SignerArgs,

    /// Verify the repository from this root on, instead of its own first
    #[arg(long, value_name = "FILE")]
    root: Option<Utf8PathBuf>,

    /// When the targets metadata expire: days from now, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    targets_expires: Lifetime,

    /// When the snapshot metadata expire
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    snapshot_expires: Lifetime,

    /// When the timestamp metadata expire
    #[arg(long, value_name = "WHEN", default_value = "30d")]
    timestamp_expires: Lifetime,

    /// When all of them expire, instead
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["targets_expires", "snapshot_expires", "timestamp_expires"])]
    expires: Option<Lifetime>,

    /// Say that it was signed at TIME instead of now, so that it can be made again bit for bit
    #[arg(long, value_name = "TIME")]
    signed_at: Option<UtcTime>,
}

/// The most that is read of build.json, in bytes; a gateway takes about 150.
const MAX_BUILD: u64 = 32 << 20;

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let signers = args.signers.load_some(context)?;
    let (build, bundles) = read_build(args, context)?;

    let repository = Directory::new(&args.repository, context);
    let root = match &args.root {
        Some(path) => read(&context.path(path), Limits::GATEWAY.root, context)?,
        None => repository.first_root(context)?,
    };
    let audit = Audit::new(root, |request: &Request| {
        repository.read(request, context).map_err(Stopped::Read)
    });
    let audit = audit.map_err(|stopped| match stopped {
        Stopped::Read(failure) => failure,
        Stopped::Refused(error) => refuse(&error),
    })?;

    let signed_at = args.signed_at.unwrap_or_else(|| UtcTime::from_clock(context.host.clock.now()));
    let until = |own: Lifetime| args.expires.unwrap_or(own).end(signed_at);
    let terms = ReleaseTerms {
        signed_at,
        targets_expire: until(args.targets_expires),
        snapshot_expires: until(args.snapshot_expires),
        timestamp_expires: until(args.timestamp_expires),
    };
    let signers: Vec<&dyn Signer> = signers.iter().map(AsRef::as_ref).collect();
    let release = release(&audit, &build, &bundles, &terms, &signers).map_err(|e| refuse(&e))?;

    let report = report(&release, &build, &terms);
    consent(&report.text(), "Add this release to the repository?", args.signers.yes, context)?;
    repository.write(&release.files, context)?;
    if context.format == Format::Json {
        context.json(&report)?;
    }
    Ok(Exit::Done)
}

/// Why the repository could not be looked at.
enum Stopped {
    Read(Failure),
    Refused(RepositoryError),
}

impl From<RepositoryError> for Stopped {
    fn from(error: RepositoryError) -> Self {
        Self::Refused(error)
    }
}

/// build.json and the bundles it lists.
fn read_build(args: &Args, context: &Context) -> Result<(Build, BTreeMap<Name, Vec<u8>>), Failure> {
    let directory = context.path(&args.build);
    let path = directory.join(Build::FILE);
    let listed =
        read(&path, MAX_BUILD, context).map_err(|f| f.hint("run `tieline build` first"))?;
    let build: Build = serde_json::from_slice(&listed).map_err(|error| {
        Failure::say(Exit::BadBundle, format!("{path} does not list a build: {error}"))
            .hint("`tieline build` writes it")
    })?;
    let mut bundles = BTreeMap::new();
    for gateway in build.gateways.keys() {
        let path = directory.join(Build::bundle_file(gateway));
        let bytes = read(&path, bundle::Limits::GATEWAY.packed as u64, context)?;
        bundles.insert(gateway.clone(), bytes);
    }
    Ok((build, bundles))
}

fn read(path: &camino::Utf8Path, limit: u64, context: &Context) -> Result<Vec<u8>, Failure> {
    let bytes = context.host.files.read(path, limit);
    bytes.map_err(|error| Failure::new(Exit::Failure, &error))
}

fn report(release: &NewRelease, build: &Build, terms: &ReleaseTerms) -> ReleaseReport {
    let changes = release.changes.clone();
    ReleaseReport {
        mesh: build.mesh.clone(),
        release: release.number,
        source_commit: build.source_commit.clone(),
        fresh_until: terms.timestamp_expires.to_string(),
        added: changes.added,
        changed: changes.changed,
        unchanged: changes.unchanged,
        removed: changes.removed,
    }
}
