//! `tieline sign`.

mod inputs;
mod offline;
mod removed;
mod words;

use camino::Utf8PathBuf;
use std::num::NonZeroU64;

use super::trust::{Directory, Lifetime, SignerArgs, consent, refuse};
use super::{Context, Exit, Failure, Format};
use crate::primitives::Name;
use crate::tuf::repository::{
    Audit, Held, Missing, Proposal, ReleaseTerms, RepositoryError, check_clock, check_lifetimes,
    check_removed, complete, propose, refresh,
};
use crate::tuf::{Signer, UtcTime};
use inputs::Inputs;

/// Sign the built bundles as the next release
///
/// Verifies the repository as it is, checks every bundle against build/build.json, and adds a
/// release one higher than the last: targets metadata (what each gateway's bundle is), snapshot
/// and timestamp (that this is the newest). Gateways accept it only if the keys that the
/// repository's root names for these roles have signed.
///
/// It refuses to take a bundle away from a gateway, unless mesh.lock says that the gateway was
/// removed; to go back to an older commit; and to sign by a clock that cannot be right.
///
/// Metadata expire, so that nobody can keep a gateway on an old release unnoticed. Before the
/// timestamp does, sign again, or run `tieline sign --refresh` from CI on a schedule. What expired
/// installs nothing new and stops nothing that runs.
///
/// Where several have to sign, such as CI and a person: CI runs `sign --propose`, which holds the
/// release in proposed/ of the repository; the person looks at it and runs `sign --countersign`;
/// CI finishes with `sign --countersign`. Nothing is released before.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
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

    /// Sign the timestamp alone, so that the newest release stays fresh
    #[arg(long, conflicts_with_all = ["countersign", "build"])]
    refresh: bool,

    /// If signatures are missing in the end, hold the release for others to countersign
    #[arg(long)]
    propose: bool,

    /// Sign the release that is held, and release it if nothing is missing any more
    #[arg(long, conflicts_with_all = ["propose", "after"])]
    countersign: bool,

    /// Write the bytes that the next signature has to be over to FILE, to be signed elsewhere:
    /// `openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out SIGNATURE`
    #[arg(long, value_name = "FILE")]
    export: Option<Utf8PathBuf>,

    /// Add the signature in FILE, 64 bytes or their hexadecimal digits, by the key of --public
    #[arg(long, value_name = "FILE", requires_all = ["public", "countersign"])]
    import: Option<Utf8PathBuf>,

    /// Let gateway NAME lose its bundle
    #[arg(long, value_name = "NAME")]
    drop: Vec<Name>,

    /// The mesh, whose mesh.lock says which gateways there are and were
    #[arg(long, value_name = "FILE", default_value = "mesh.yaml")]
    mesh: Utf8PathBuf,

    /// Sign a build of an older commit than that of the newest release
    #[arg(long)]
    back: bool,

    /// Follow release N instead of the newest, after somebody with a stolen key made releases and
    /// the root holders replaced the key
    #[arg(long, value_name = "N")]
    after: Option<NonZeroU64>,

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

    /// Say that it was signed at TIME instead of now: to make it again bit for bit, or because the
    /// clock is right although it looks wrong
    #[arg(long, value_name = "TIME")]
    signed_at: Option<UtcTime>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    let elsewhere = args.export.is_some() || args.import.is_some();
    let signers =
        if elsewhere { args.signers.load(context)? } else { args.signers.load_some(context)? };
    let signers: Vec<&dyn Signer> = signers.iter().map(AsRef::as_ref).collect();

    let repository = Directory::new(&args.repository, context);
    let audit = inputs::audit(args, &repository, context)?;
    let terms = terms(args, context);
    if args.signed_at.is_none() {
        check_clock(&audit, terms.signed_at).map_err(|error| refuse(&error))?;
    }
    check_lifetimes(&audit, &terms).map_err(|error| refuse(&error))?;

    let Inputs { mut proposal, remarks } = prepare(args, &repository, &audit, &terms, context)?;
    if let Some(file) = &args.import {
        offline::import(file, &args.signers, &audit, &mut proposal.held, context)?;
    }
    let mut report = words::report(&audit, &proposal, &terms);
    let text = report.text(&remarks);
    if !signers.is_empty() || args.import.is_some() {
        consent(&text, "Sign it?", args.signers.yes, context)?;
    }
    let before = proposal.held.clone();
    let missing = proposal.held.sign(&audit, &terms, &signers).map_err(|error| refuse(&error))?;
    let Some(missing) = missing else {
        let places = Held::paths(&audit, None);
        let release = complete(&audit, proposal, terms.signed_at).map_err(|e| refuse(&e))?;
        repository.write(&release.files, context)?;
        for place in places {
            repository.remove(&place, context)?;
        }
        if context.format == Format::Json {
            context.json(&report)?;
        }
        return Ok(Exit::Done);
    };
    let signed = proposal.held != before || args.import.is_some();
    if !(args.propose || args.countersign) || !(signed || args.export.is_some()) {
        return Err(refuse(&RepositoryError::from(missing)));
    }
    hold(&repository, &proposal, &missing, context)?;
    if let Some(file) = &args.export {
        offline::export(file, &proposal.held, context)?;
    }
    report.hold(words::missing(&missing));
    if context.format == Format::Json {
        context.json(&report)?;
    }
    Ok(Exit::Done)
}

fn terms(args: &Args, context: &Context) -> ReleaseTerms {
    let signed_at = args.signed_at.unwrap_or_else(|| UtcTime::from_clock(context.host.clock.now()));
    let until = |own: Lifetime| args.expires.unwrap_or(own).end(signed_at);
    ReleaseTerms {
        signed_at,
        targets_expire: until(args.targets_expires),
        snapshot_expires: until(args.snapshot_expires),
        timestamp_expires: until(args.timestamp_expires),
    }
}

/// What is to be signed, reviewed as far as that is possible here.
fn prepare(
    args: &Args,
    repository: &Directory,
    audit: &Audit,
    terms: &ReleaseTerms,
    context: &Context,
) -> Result<Inputs, Failure> {
    if args.refresh {
        let proposal = refresh(audit, terms).map_err(|error| refuse(&error))?;
        let remarks = vec!["nothing but its timestamp is signed again".to_owned()];
        return Ok(Inputs { proposal, remarks });
    }
    let mut remarks = Vec::new();
    let proposal = if args.countersign {
        let proposal = inputs::held(repository, audit, context)?;
        remarks.extend(inputs::compare(&args.build, &proposal, context)?);
        proposal
    } else {
        let (build, bundles) = inputs::build(&args.build, context)?;
        propose(audit, &build, &bundles, terms).map_err(|error| refuse(&error))?
    };
    if !args.back {
        inputs::check_commit(audit, &proposal, &args.mesh, context)?;
    }
    let may = removed::allowed(&args.drop, &args.mesh, &proposal, context)?;
    check_removed(&proposal.changes, &may).map_err(|error| refuse(&error))?;
    Ok(Inputs { proposal, remarks })
}

/// Writes what is held, and says whose signature is missing.
fn hold(
    repository: &Directory,
    proposal: &Proposal,
    missing: &Missing,
    context: &mut Context,
) -> Result<(), Failure> {
    let held = proposal.held.held().map_err(|error| refuse(&error))?;
    repository.write(&proposal.bundles, context)?;
    repository.write(&held, context)?;
    context.terminal.note(&words::held(proposal.number, missing));
    Ok(())
}
