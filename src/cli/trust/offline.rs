//! Signing where this program is not: bytes go out, signatures come back.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::{Context, Exit, Failure};
use crate::host::Mode;
use crate::primitives::Digest;

/// Sign elsewhere
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct Offline {
    /// Write exactly the bytes that are to be signed to FILE, and sign nothing: for
    /// `openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out SIGNATURE`, or whatever you sign with
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys", "commands", "import"])]
    pub(in crate::cli) export: Option<Utf8PathBuf>,

    /// Add a signature that was made elsewhere, after verifying it: 64 bytes (for ECDSA: DER), or
    /// the same in hexadecimal or base64. Goes with --public
    #[arg(long, value_name = "SIGNATURE", requires = "public",
          conflicts_with_all = ["keys", "commands"])]
    pub(in crate::cli) import: Option<Utf8PathBuf>,
}

/// The most that is read of a file with a signature, in bytes.
const MAX_SIGNATURE: u64 = 4096;

/// Writes the bytes that are to be signed, and says what to do with them.
pub(in crate::cli) fn export(
    path: &Utf8Path,
    message: &[u8],
    context: &mut Context,
) -> Result<(), Failure> {
    let path = context.path(path);
    let written = context.host.files.replace(&path, message, Mode::Public);
    written.map_err(|error| Failure::new(Exit::Failure, &error))?;
    context.terminal.note(&format!(
        "wrote the {} bytes that are to be signed to {path}, SHA-256 {}",
        message.len(),
        Digest::of(message)
    ));
    Ok(())
}

/// The signature in the file at `path`.
pub(in crate::cli) fn read_signature(
    path: &Utf8Path,
    context: &Context,
) -> Result<Vec<u8>, Failure> {
    let bytes = context.host.files.read(&context.path(path), MAX_SIGNATURE);
    bytes.map_err(|error| Failure::new(Exit::Failure, &error))
}
