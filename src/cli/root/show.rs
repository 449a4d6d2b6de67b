//! `tieline root show` and `tieline root verify`.

use camino::Utf8PathBuf;

use super::ceremony::{Ceremony, Place, explain};
use super::report;
use crate::cli::{Context, Exit, Failure, Format};
use crate::report::RootReport;
use crate::tuf::Limits;
use crate::tuf::repository::{RootError, TrustedRoot};

/// Say who holds which role
///
/// The newest root of the repository, followed from the first one as a gateway does, and what is
/// proposed to follow it. With FILE that root alone, such as /etc/tieline/root.json.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// A file with root metadata
    #[arg(value_name = "FILE", conflicts_with_all = ["repository", "proposal", "root"])]
    file: Option<Utf8PathBuf>,

    #[command(flatten)]
    place: Place,
}

/// Say who has signed the proposed root, and who is missing
///
/// Follows the roots of the repository, checks that the proposal can follow them, and verifies its
/// signatures under both the present root and the new one: both demand theirs. Exits with 0 when the
/// proposal is complete or nothing is proposed, with 20 while signatures are missing: as a check on
/// a pull request it turns green when everyone has signed.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    place: Place,
}

pub(super) fn show(args: &Show, context: &mut Context) -> Result<Exit, Failure> {
    if let Some(file) = &args.file {
        let bytes = context.host.files.read(&context.path(file), Limits::GATEWAY.root);
        let bytes = bytes.map_err(|error| Failure::new(Exit::Failure, &error))?;
        let root = TrustedRoot::follow(bytes, |_| Ok::<_, RootError>(None));
        let summary = root.map_err(|error| explain(&error))?.summary();
        match context.format {
            Format::Human => {
                context.terminal.result(&format!("{}\n", report::describe(&summary)))?;
            }
            Format::Json => context.json(&RootReport {
                format: RootReport::FORMAT,
                root: Some(report::root_entry(&summary)),
                proposal: None,
            })?,
        }
        return Ok(Exit::Done);
    }
    let ceremony = Ceremony::open(&args.place, context)?;
    let loaded = ceremony.load_proposal(context)?;
    if ceremony.trusted.is_none() && loaded.is_none() {
        let text = format!("there is no root in {}", ceremony.repository.path());
        return Err(Failure::say(Exit::Failure, text).hint("`tieline root init` makes the first"));
    }
    if context.format == Format::Json {
        context.json(&report::root_report(&ceremony, loaded.as_ref()))?;
        return Ok(Exit::Done);
    }
    if let Some(root) = &ceremony.trusted {
        context.terminal.result(&format!("{}\n", report::describe(&root.summary())))?;
    }
    if let Some(loaded) = loaded {
        let text = report::proposed_text(&loaded.proposal);
        context
            .terminal
            .result(&format!("{text}\n{}\n", report::signature_status(&loaded.proposal)))?;
        loaded.ignored.iter().for_each(|ignored| context.terminal.warn(ignored));
    }
    Ok(Exit::Done)
}

pub(super) fn verify(args: &Verify, context: &mut Context) -> Result<Exit, Failure> {
    let ceremony = Ceremony::open(&args.place, context)?;
    let loaded = ceremony.load_proposal(context)?;
    if context.format == Format::Json {
        context.json(&report::root_report(&ceremony, loaded.as_ref()))?;
    }
    let Some(loaded) = loaded else {
        let Some(root) = &ceremony.trusted else {
            let text = format!("there is no root in {}", ceremony.repository.path());
            return Err(
                Failure::say(Exit::Failure, text).hint("`tieline root init` makes the first")
            );
        };
        let summary = root.summary();
        context.terminal.note(&format!(
            "root {} is signed as it must be and valid until {}; no other is proposed",
            summary.version, summary.expires
        ));
        return Ok(Exit::Done);
    };
    if context.format == Format::Human {
        let text = report::proposed_text(&loaded.proposal);
        context
            .terminal
            .result(&format!("{text}\n{}\n", report::signature_status(&loaded.proposal)))?;
    }
    loaded.ignored.iter().for_each(|ignored| context.terminal.warn(ignored));
    Ok(if loaded.proposal.is_complete() { Exit::Done } else { Exit::Signature })
}
