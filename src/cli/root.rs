//! `tieline root`.

use std::num::NonZeroU64;

use camino::Utf8PathBuf;
use clap::Subcommand;

use super::trust::{
    Directory, KeySource, Lifetime, Passphrase, SignerArgs, consent, load_public, refuse,
};
use super::{Context, Exit, Failure};
use crate::primitives::Name;
use crate::tuf::repository::{RoleTerms, RootTerms, first_root};
use crate::tuf::{Limits, PublicKey, Request, Role, Signer, UtcTime};

/// Say which keys gateways trust
///
/// Root metadata name the keys that hold each of four roles: root (may change this list), targets
/// (may release bundles), snapshot and timestamp (say what is newest). Every gateway is provisioned
/// with a root and accepts nothing that does not follow from it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: RootCommand,
}

#[derive(Debug, Subcommand)]
enum RootCommand {
    Init(Init),
}

/// Begin a repository with its first root
///
/// The simplest set-up has two keys: one for root, kept offline, and one for releases, kept by CI:
///
///   tieline key generate root.pem
///   tieline key generate release.pem
///   tieline root init --mesh acme --key root.pem --release-key release.pem.pub
///
/// Writes metadata/1.root.json and the same as metadata/root.json into the repository. Copy the
/// latter to /etc/tieline/root.json on every gateway.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
struct Init {
    /// The mesh whose releases these keys sign, as in mesh.yaml
    #[arg(long, value_name = "NAME")]
    mesh: Name,

    /// The directory to begin the repository in
    #[arg(long, value_name = "DIR", default_value = "repository")]
    repository: Utf8PathBuf,

    #[command(flatten)]
    signers: SignerArgs,

    /// A public key that holds the root role as well
    #[arg(long = "root-key", value_name = "KEY")]
    root_keys: Vec<KeySource>,

    /// How many of the root keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    root_threshold: NonZeroU64,

    /// A public key that holds the targets, snapshot and timestamp roles
    #[arg(long = "release-key", value_name = "KEY")]
    release_keys: Vec<KeySource>,

    /// A public key that holds the targets role, instead of the release keys
    #[arg(long = "targets-key", value_name = "KEY")]
    targets_keys: Vec<KeySource>,

    /// How many of the targets keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    targets_threshold: NonZeroU64,

    /// A public key that holds the snapshot role, instead of the release keys
    #[arg(long = "snapshot-key", value_name = "KEY")]
    snapshot_keys: Vec<KeySource>,

    /// How many of the snapshot keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    snapshot_threshold: NonZeroU64,

    /// A public key that holds the timestamp role, instead of the release keys
    #[arg(long = "timestamp-key", value_name = "KEY")]
    timestamp_keys: Vec<KeySource>,

    /// How many of the timestamp keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    timestamp_threshold: NonZeroU64,

    /// When the root expires: days from now, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    expires: Lifetime,

    /// Say that it was signed at TIME instead of now, so that it can be made again bit for bit
    #[arg(long, value_name = "TIME")]
    signed_at: Option<UtcTime>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    match &args.command {
        RootCommand::Init(args) => init(args, context),
    }
}

fn init(args: &Init, context: &mut Context) -> Result<Exit, Failure> {
    let repository = Directory::new(&args.repository, context);
    refuse_a_second_root(&repository, context)?;
    let signers = args.signers.load_some(context)?;

    let mut root = load_all(&args.root_keys, context)?;
    root.extend(signers.iter().map(|signer| signer.public().clone()));
    let signed_at = args.signed_at.unwrap_or_else(|| UtcTime::from_clock(context.host.clock.now()));
    let mut held_by = |role, own: &[KeySource], threshold| -> Result<RoleTerms, Failure> {
        let keys = if own.is_empty() { &args.release_keys } else { own };
        if keys.is_empty() {
            return Err(Failure::say(Exit::Usage, format!("nobody would hold the {role} role"))
                .hint(format!("name a key with --release-key or --{role}-key")));
        }
        Ok(RoleTerms { keys: load_all(keys, context)?, threshold })
    };
    let terms = RootTerms {
        mesh: args.mesh.clone(),
        root: RoleTerms { keys: root, threshold: args.root_threshold },
        targets: held_by(Role::Targets, &args.targets_keys, args.targets_threshold)?,
        snapshot: held_by(Role::Snapshot, &args.snapshot_keys, args.snapshot_threshold)?,
        timestamp: held_by(Role::Timestamp, &args.timestamp_keys, args.timestamp_threshold)?,
        signed_at,
        expires: args.expires.end(signed_at),
    };
    consent(&in_words(&terms), "Sign this root?", args.signers.yes, context)?;
    let signers: Vec<&dyn Signer> = signers.iter().map(AsRef::as_ref).collect();
    let files = first_root(&terms, &signers).map_err(|error| refuse(&error))?;

    repository.write(&files, context)?;
    for file in &files {
        context.terminal.note(&format!("wrote {}", repository.path().join(&file.path)));
    }
    Ok(Exit::Done)
}

/// A root is replaced by its successor, never by another first one: gateways would refuse all that
/// follows from it.
fn refuse_a_second_root(repository: &Directory, context: &Context) -> Result<(), Failure> {
    for path in ["metadata/1.root.json", "metadata/root.json"] {
        let request = Request { path: path.to_owned(), limit: Limits::GATEWAY.root };
        if repository.read(&request, context)?.is_some() {
            let path = repository.path().join(path);
            return Err(Failure::say(Exit::Failure, format!("{path} exists already"))
                .hint("a repository has one first root; gateways trust no other"));
        }
    }
    Ok(())
}

fn load_all(sources: &[KeySource], context: &mut Context) -> Result<Vec<PublicKey>, Failure> {
    let passphrase = Passphrase::default();
    sources.iter().map(|source| load_public(source, &passphrase, context)).collect()
}

/// What is signed, for the person whose key signs it.
fn in_words(terms: &RootTerms) -> String {
    let roles = [
        (Role::Root, &terms.root, "change these keys"),
        (Role::Targets, &terms.targets, "release bundles"),
        (Role::Snapshot, &terms.snapshot, "say which metadata belong together"),
        (Role::Timestamp, &terms.timestamp, "say what is newest"),
    ];
    let mut lines = vec![format!("root 1 of mesh {}, valid until {}:", terms.mesh, terms.expires)];
    for (role, held, may) in roles {
        let mut ids: Vec<_> = held.keys.iter().map(|key| key.id().short()).collect();
        ids.sort();
        ids.dedup();
        let (threshold, ids) = (held.threshold, ids.join(", "));
        lines.push(format!("  {role:9} {threshold} of {ids} may {may}"));
    }
    lines.join("\n")
}
