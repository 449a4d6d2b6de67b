//! Signatures that are made elsewhere: bytes go out, signatures come back.

use camino::Utf8Path;

use super::inputs::read;
use crate::cli::trust::{SignerArgs, refuse};
use crate::cli::{Context, Exit, Failure};
use crate::host::Mode;
use crate::tuf::repository::{Audit, ProposedMetadata, RepositoryError};

/// The most that is read of a signature, in bytes.
const MAX_SIGNATURE: u64 = 4096;

/// Writes exactly the bytes that the next signature has to be over.
pub(super) fn export(
    file: &Utf8Path,
    metadata: &ProposedMetadata,
    context: &mut Context,
) -> Result<(), Failure> {
    let Some(open) = metadata.open() else { return Ok(()) };
    let path = context.path(file);
    let written = context.host.files.replace(&path, open.message(), Mode::Public);
    written.map_err(|error| Failure::new(Exit::Failure, &error))?;
    context.terminal.note(&format!(
        "wrote the {} metadata that are to be signed to {path}; then: tieline sign --countersign \
         --import SIGNATURE --public KEY",
        open.role()
    ));
    Ok(())
}

/// Adds the signature in `file`, if it is one by the key that is named.
pub(super) fn import(
    file: &Utf8Path,
    signers: &SignerArgs,
    audit: &Audit,
    metadata: &mut ProposedMetadata,
    context: &mut Context,
) -> Result<(), Failure> {
    let key = signers.imported(context)?;
    let signature = read(&context.path(file), MAX_SIGNATURE, context)?;
    metadata.import(audit, &key, &signature).map_err(|error| match error {
        RepositoryError::Signer(error) => Failure::new(Exit::Signature, &error).hint(
            "export again and sign those bytes: they differ from file to file and from day to day",
        ),
        error => refuse(&error),
    })
}
