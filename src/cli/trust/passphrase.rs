//! Passphrases of private keys.

use camino::Utf8PathBuf;
use zeroize::Zeroizing;

use super::KeySource;
use crate::cli::{Context, Exit, Failure};

/// Where the passphrase of private keys comes from, if they have one
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct Passphrase {
    /// Read the passphrase of private keys from the first line of FILE. Else it is the value of
    /// the environment variable TIELINE_PASSPHRASE, or asked for on the terminal
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Utf8PathBuf>,
}

/// How scripts hand over a passphrase.
const VARIABLE: &str = "TIELINE_PASSPHRASE";

/// The most that is read of a file with a passphrase, in bytes.
const MAX_FILE: u64 = 4096;

impl Passphrase {
    /// The passphrase of the key at `source`.
    pub(super) fn of(
        &self,
        source: &KeySource,
        context: &mut Context,
    ) -> Result<Zeroizing<String>, Failure> {
        if let Some(passphrase) = self.given(context)? {
            return Ok(passphrase);
        }
        if !context.host.console.is_attended() {
            let text = format!(
                "{source} is a private key under a passphrase, and there is nobody to ask for it: \
                 standard input is no terminal"
            );
            return Err(Failure::say(Exit::Usage, text)
                .hint(format!("name a file with --passphrase-file, or set {VARIABLE}")));
        }
        ask(&format!("passphrase of {source}: "), context)
    }

    /// The passphrase for a new key: `None` where nobody said one and there is nobody to ask.
    pub(in crate::cli) fn for_new(
        &self,
        context: &mut Context,
    ) -> Result<Zeroizing<String>, Failure> {
        let passphrase = match self.given(context)? {
            Some(passphrase) => passphrase,
            None if context.host.console.is_attended() => {
                let once = ask("passphrase for the new key: ", context)?;
                let again = ask("the same again: ", context)?;
                if *once != *again {
                    return Err(Failure::say(Exit::Failure, "the two passphrases differ")
                        .hint("no key was made: try again"));
                }
                once
            }
            None => {
                let text = "there is nobody to ask for a passphrase: standard input is no terminal";
                return Err(Failure::say(Exit::Usage, text)
                    .hint(format!("name a file with --passphrase-file, or set {VARIABLE}")));
            }
        };
        if passphrase.is_empty() {
            return Err(Failure::say(Exit::Usage, "an empty passphrase protects nothing")
                .hint("say one, or leave --passphrase out"));
        }
        Ok(passphrase)
    }

    /// Whether the command line names one.
    pub(in crate::cli) fn is_named(&self) -> bool {
        self.passphrase_file.is_some()
    }

    fn given(&self, context: &Context) -> Result<Option<Zeroizing<String>>, Failure> {
        let Some(path) = &self.passphrase_file else {
            return Ok(context.host.environment.get(VARIABLE));
        };
        let path = context.path(path);
        let bytes = context.host.files.read(&path, MAX_FILE);
        let bytes = Zeroizing::new(bytes.map_err(|error| Failure::new(Exit::Failure, &error))?);
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Failure::say(Exit::Failure, format!("{path} is not UTF-8 text")))?;
        Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
    }
}

fn ask(question: &str, context: &mut Context) -> Result<Zeroizing<String>, Failure> {
    let answer = context.host.console.secret(&mut || context.terminal.ask(question));
    // What was typed was not shown, the end of its line included.
    context.terminal.ask("\n");
    answer.map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => {
            Failure::say(Exit::Interrupted, "nothing was done: no passphrase was given")
        }
        _ => Failure::new(Exit::Failure, &error),
    })
}
