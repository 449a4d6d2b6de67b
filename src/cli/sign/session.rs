//! From a proposal to a release, or to a proposed one that waits for signatures.

use camino::Utf8Path;

use super::{Options, inputs, offline, removed, renumbered, report};
use crate::cli::trust::{Directory, consent, refuse};
use crate::cli::{Context, Exit, Failure, Format};
use crate::tuf::Signer;
use crate::tuf::repository::{
    Audit, ProposedMetadata, ProposedRelease, ReleaseTerms, RepositoryError, check_clock,
    check_lifetimes, check_removed, complete,
};

/// A repository to which a release is to be added.
pub(in crate::cli) struct SigningSession<'h> {
    signers: Vec<Box<dyn Signer + 'h>>,
    pub(super) repository: Directory,
    /// Why it may be somebody else's.
    doubt: Option<String>,
    pub(in crate::cli) audit: Audit,
    pub(in crate::cli) terms: ReleaseTerms,
}

/// What a command wants signed, besides what its options say.
#[derive(Default)]
pub(in crate::cli) struct SigningRequest<'a> {
    /// What the signer should know.
    pub(in crate::cli) remarks: Vec<String>,
    /// A signature from elsewhere.
    pub(in crate::cli) import: Option<&'a Utf8Path>,
    /// Whether it goes on from one that was proposed before.
    pub(in crate::cli) countersign: bool,
}

/// Finds those who sign, and verifies the repository, and that now is a time to sign at. With
/// `elsewhere` it is not necessary that anybody signs here.
pub(in crate::cli) fn begin<'h>(
    options: &Options,
    elsewhere: bool,
    change: impl FnOnce(Audit, &Directory, &Context) -> Result<Audit, Failure>,
    context: &mut Context<'h>,
) -> Result<SigningSession<'h>, Failure> {
    let signers = if elsewhere || options.export.is_some() {
        options.signers.load(context)?
    } else {
        options.signers.load_some(context)?
    };
    let repository = Directory::new(&options.repository, context);
    let anchor = repository.anchor(&options.anchor, context)?;
    // Somebody has to be asked where the root is taken on trust.
    if options.signers.yes || (signers.is_empty() && !elsewhere) {
        anchor.demand_own()?;
    }
    let doubt = anchor.doubt();
    let audit = inputs::audit(anchor.bytes, &repository, context)?;
    let audit = change(audit, &repository, context)?;
    let terms = options.terms(context);
    if options.signed_at.is_none() {
        check_clock(&audit, terms.signed_at).map_err(|error| refuse(&error))?;
    }
    check_lifetimes(&audit, &terms).map_err(|error| refuse(&error))?;
    Ok(SigningSession { signers, repository, doubt, audit, terms })
}

/// Refuses a proposal that most likely is a mistake.
pub(in crate::cli) fn review(
    options: &Options,
    session: &SigningSession,
    proposal: &ProposedRelease,
    context: &Context,
) -> Result<(), Failure> {
    let SigningSession { audit, repository, .. } = session;
    if !options.back {
        inputs::check_commit(audit, proposal, &options.mesh, context)?;
    }
    let may = removed::allowed(&options.drop, &options.mesh, proposal, context)?;
    check_removed(&proposal.changes, &may).map_err(|error| refuse(&error))?;
    renumbered::check(&options.renumber, audit, repository, proposal, context)
}

/// Asks, signs, and writes what comes of it.
pub(in crate::cli) fn conclude(
    options: &Options,
    session: &SigningSession,
    mut proposal: ProposedRelease,
    request: &SigningRequest,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let SigningSession { signers, repository, doubt, audit, terms } = session;
    let signers: Vec<&dyn Signer> = signers.iter().map(AsRef::as_ref).collect();
    if let Some(file) = request.import {
        offline::import(file, &options.signers, audit, &mut proposal.metadata, context)?;
    }
    let mut report = report::release_report(audit, &proposal, terms);
    if !signers.is_empty() || request.import.is_some() {
        let remarks: Vec<_> = request.remarks.iter().chain(doubt).cloned().collect();
        consent(&report.text(&remarks), "Sign it?", options.signers.yes, context)?;
    }
    let before = proposal.metadata.clone();
    let missing = proposal.metadata.sign(audit, terms, &signers).map_err(|error| refuse(&error))?;
    if let Some(missing) = &missing {
        let signed = proposal.metadata != before || request.import.is_some();
        let may = options.propose || request.countersign;
        if !may || !(signed || options.export.is_some()) {
            return Err(refuse(&RepositoryError::from(missing.clone())));
        }
        let files = proposal.metadata.proposed_files(audit).map_err(|error| refuse(&error))?;
        repository.write(&proposal.bundles, context)?;
        repository.write(&files, context)?;
        context.terminal.note(&report::missing_text(&proposal, missing));
        if let Some(file) = &options.export {
            offline::export(file, &proposal.metadata, context)?;
        }
        report.wait_for(report::missing_entry(missing));
    } else {
        let places = ProposedMetadata::paths(audit, proposal.metadata.team());
        let release = complete(audit, proposal, terms.signed_at).map_err(|e| refuse(&e))?;
        repository.write(&release.files, context)?;
        for place in places {
            repository.remove(&place, context)?;
        }
    }
    if context.format == Format::Json {
        context.json(&report)?;
    }
    Ok(Exit::Done)
}
