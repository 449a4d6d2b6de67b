//! `tieline root sign` and `tieline root rotate`.

use super::ceremony::{Ceremony, Place, explain};
use super::report;
use crate::cli::trust::{AuditFailure, Offline, SignerArgs, consent, export, read_signature};
use crate::cli::{Context, Exit, Failure, Format};
use crate::tuf::repository::Audit;
use crate::tuf::{Request, UtcTime};

/// Sign the proposed root
///
/// Says what it changes, asks, and writes the signature beside the proposal, in a file of its own:
/// commit it. Others may do the same at the same time, in their own clones; git merges the files.
///
/// A key signs that holds the root role now, or will. To sign on a machine without Tieline, or with
/// a key that never leaves its token:
///
///   tieline root sign --export root.bytes
///   openssl pkeyutl -sign -rawin -inkey anna.pem -in root.bytes -out anna.sig
///   tieline root sign --import anna.sig --public anna.pem.pub
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Sign {
    #[command(flatten)]
    signers: SignerArgs,

    #[command(flatten)]
    offline: Offline,

    #[command(flatten)]
    place: Place,
}

/// Make the proposed root the repository's newest
///
/// When enough have signed: writes metadata/N.root.json and the same as metadata/root.json into the
/// repository, keeps it as root/N.root.json to be committed, and removes the proposal. Gateways follow
/// by themselves, at their next run after `tieline publish`. If the keys of other roles changed, the
/// newest release no longer counts: `tieline sign` makes the next one with the new keys, and gateways
/// accept nothing in between.
#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    place: Place,
}

pub(super) fn sign(args: &Sign, context: &mut Context) -> Result<Exit, Failure> {
    let ceremony = Ceremony::open(&args.place, context)?;
    let mut loaded = ceremony.require_proposal(context)?;
    let what = report::proposed_text(&loaded.proposal);
    let now = UtcTime::from_clock(context.host.clock.now());
    if let Some(ahead) = report::future_date_warning(&loaded.proposal, now) {
        context.terminal.warn(&ahead);
    }
    if let Some(anchor) = &ceremony.anchor {
        if args.signers.yes {
            anchor.demand_own()?;
        }
        anchor.doubt().iter().for_each(|doubt| context.terminal.warn(doubt));
    }
    let proposal = &mut loaded.proposal;
    if let Some(path) = &args.offline.export {
        context.terminal.note(&what);
        export(path, proposal.message(), context)?;
        return Ok(Exit::Done);
    }
    let signatures = if let Some(path) = &args.offline.import {
        context.terminal.note(&what);
        let key = args.signers.imported(context)?;
        let signature = read_signature(path, context)?;
        proposal.import(&key, &signature).map_err(|error| explain(&error))?
    } else {
        let signers = args.signers.load_some(context)?;
        for signer in &signers {
            proposal.check_holder(signer.public()).map_err(|error| explain(&error))?;
        }
        consent(&what, "Sign this root?", args.signers.yes, context)?;
        let mut signatures = Vec::new();
        for signer in &signers {
            let made = context.terminal.work("signing", || proposal.sign(signer.as_ref()));
            signatures.extend(made.map_err(|error| explain(&error))?);
        }
        signatures
    };
    for path in ceremony.save_signatures(proposal, signatures, context)? {
        context.terminal.note(&format!("wrote {path}: commit it"));
    }
    context.terminal.note(&report::signature_status(proposal));
    loaded.ignored.iter().for_each(|ignored| context.terminal.warn(ignored));
    if context.format == Format::Json {
        context.json(&report::root_report(&ceremony, Some(&loaded)))?;
    }
    Ok(Exit::Done)
}

pub(super) fn rotate(args: &Rotate, context: &mut Context) -> Result<Exit, Failure> {
    let ceremony = Ceremony::open(&args.place, context)?;
    let loaded = ceremony.require_proposal(context)?;
    let now = UtcTime::from_clock(context.host.clock.now());
    let files = loaded
        .proposal
        .finish(now)
        .map_err(|error| explain(&error).hint(report::signature_status(&loaded.proposal)))?;
    let what = report::proposed_text(&loaded.proposal);
    consent(&what, "Make it the repository's newest root?", args.yes, context)?;
    for path in ceremony.finish(&files, context)? {
        context.terminal.note(&format!("wrote {path}"));
    }
    context
        .terminal
        .note(&format!("commit {}: signing begins with the roots in it", ceremony.directory));
    // Where there was no root before, it is the one to begin with.
    let anchor = ceremony.anchor.as_ref().map(|anchor| &anchor.bytes);
    let first = anchor.or(files.first().map(|root| &root.content));
    report_consequences(first.cloned().unwrap_or_default(), &ceremony, context)?;
    if context.format == Format::Json {
        let ceremony = Ceremony::open(&args.place, context)?;
        context.json(&report::root_report(&ceremony, None))?;
    }
    Ok(Exit::Done)
}

/// Says what the new root means for the release there is.
fn report_consequences(
    first: Vec<u8>,
    ceremony: &Ceremony,
    context: &mut Context,
) -> Result<(), Failure> {
    let audit = Audit::new(first, |request: &Request| {
        ceremony.repository.read(request, context).map_err(AuditFailure::Read)
    });
    match audit {
        Ok(audit) => {
            let next = match (audit.release(), audit.superseded()) {
                (None, _) => "`tieline sign` makes the first release".to_owned(),
                (Some(release), Some(root)) => format!(
                    "release {release} was signed for root {root} and no longer counts: `tieline \
                     sign` makes the next one with the new keys, then `tieline publish`"
                ),
                (Some(release), None) => {
                    format!("release {release} still counts: `tieline publish` sends the root out")
                }
            };
            context.terminal.note(&next);
        }
        Err(AuditFailure::Read(failure)) => return Err(failure),
        Err(AuditFailure::Refused(error)) => {
            let failure = Failure::new(Exit::Failure, &error);
            context.terminal.warn(&format!("the root is in place, but: {}", failure.message));
        }
    }
    Ok(())
}
