//! Keys that another program signs with: an HSM, a KMS, anything.

use std::time::Duration;

use crate::host::{Command, Processes};
use crate::tuf::{PublicKey, Signer, SignerError};

/// A program that reads bytes and writes a signature.
pub(super) struct CommandSigner<'h> {
    pub(super) processes: &'h dyn Processes,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    pub(super) public: PublicKey,
}

/// How long the program may take: somebody may have to touch a token.
const LIMIT: Duration = Duration::from_mins(2);

/// Why the program gave no signature.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    /// It gave something else.
    #[error(
        "`{command}` printed {found} bytes that are no signature by key {key} over what it was \
         given, so they were not used"
    )]
    Wrong {
        /// The program with its arguments.
        command: String,
        /// The id of the key.
        key: String,
        /// How much it printed.
        found: usize,
    },
}

impl Signer for CommandSigner<'_> {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<String, SignerError> {
        let (program, arguments) = self.words.split_first().ok_or(SignerError::NotAKey)?;
        let command =
            Command::new(program).args(arguments.iter().cloned()).input(message).limit(LIMIT);
        let printed = self.processes.demand(&command);
        let printed = printed.map_err(|error| SignerError::Elsewhere(Box::new(error)))?;
        self.public.signature_in(message, &printed).ok_or_else(|| {
            SignerError::Elsewhere(Box::new(CommandError::Wrong {
                command: command.to_string(),
                key: self.public.id().short(),
                found: printed.len(),
            }))
        })
    }
}
