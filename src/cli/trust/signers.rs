//! Whoever signs, as the command line names them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::agent;
use super::command::CommandSigner;
use super::named::guess;
use super::{KeySource, Passphrase, load_pair, load_public};
use crate::cli::{Context, Exit, Failure};
use crate::primitives::Name;
use crate::tuf::{PublicKey, Signer};

/// Who signs
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct SignerArgs {
    /// A private key that signs: a file, env:NAME for one in an environment variable, or
    /// agent:KEY for one in ssh-agent, where KEY is the file with its public half, its SHA256
    /// fingerprint or its comment
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<SignerSource>,

    /// Have a program sign: it reads bytes from standard input and prints their signature. Its
    /// arguments are separated by blanks; there is no shell. Goes with --public
    #[arg(long = "sign-with", value_name = "COMMAND", requires = "public")]
    commands: Vec<String>,

    /// The public key of the program, or of the signature that is imported
    #[arg(long = "public", value_name = "KEY")]
    public: Vec<SignerSource>,

    #[command(flatten)]
    passphrase: Passphrase,

    /// Sign what is said without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
}

/// Where a private key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum SignerSource {
    /// Within reach.
    Stored(KeySource),
    /// In an ssh-agent: which one.
    Agent(String),
}

impl FromStr for SignerSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        match text.strip_prefix("agent:") {
            Some(key) => Ok(Self::Agent(key.to_owned())),
            None => text.parse().map(Self::Stored),
        }
    }
}

impl fmt::Display for SignerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored(source) => write!(f, "{source}"),
            Self::Agent(key) => write!(f, "agent:{key}"),
        }
    }
}

impl SignerSource {
    /// The public key, or the public half of the private one.
    pub(in crate::cli) fn public(
        &self,
        passphrase: &Passphrase,
        context: &mut Context,
    ) -> Result<PublicKey, Failure> {
        match self {
            Self::Stored(source) => load_public(source, passphrase, context),
            Self::Agent(key) => Ok(agent::find(key, context)?.public().clone()),
        }
    }

    /// What the key could be called.
    pub(super) fn guessed_name(&self) -> Option<Name> {
        match self {
            Self::Stored(source) => guess(source),
            Self::Agent(key) => guess(&KeySource::File(key.into())),
        }
    }
}

impl SignerArgs {
    /// Everyone who is named, in the order of the options.
    pub(in crate::cli) fn load<'h>(
        &self,
        context: &mut Context<'h>,
    ) -> Result<Vec<Box<dyn Signer + 'h>>, Failure> {
        let mut signers: Vec<Box<dyn Signer + 'h>> = Vec::new();
        for source in &self.keys {
            signers.push(match source {
                SignerSource::Stored(key) => Box::new(load_pair(key, &self.passphrase, context)?),
                SignerSource::Agent(key) => Box::new(agent::find(key, context)?),
            });
        }
        if !self.commands.is_empty() && self.commands.len() != self.public.len() {
            let text = "each --sign-with COMMAND needs one --public KEY, in the same order";
            return Err(Failure::say(Exit::Usage, text));
        }
        for (command, public) in self.commands.iter().zip(&self.public) {
            let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
            if words.is_empty() {
                return Err(Failure::say(Exit::Usage, "--sign-with names no program"));
            }
            let public = public.public(&self.passphrase, context)?;
            let processes = context.host.processes;
            signers.push(Box::new(CommandSigner { processes, words, public }));
        }
        Ok(signers)
    }

    /// What the keys could be called, in the order of [`load`](Self::load).
    pub(in crate::cli) fn guessed_names(&self) -> Vec<Option<Name>> {
        let keys = self.keys.iter().map(SignerSource::guessed_name);
        let programs = self.commands.iter().zip(&self.public).map(|(_, key)| key.guessed_name());
        keys.chain(programs).collect()
    }

    /// The same, where there has to be one at least.
    pub(in crate::cli) fn load_some<'h>(
        &self,
        context: &mut Context<'h>,
    ) -> Result<Vec<Box<dyn Signer + 'h>>, Failure> {
        if self.commands.is_empty() && !self.public.is_empty() {
            return Err(Failure::say(Exit::Usage, "--public goes with --sign-with COMMAND"));
        }
        let signers = self.load(context)?;
        if signers.is_empty() {
            return Err(Failure::say(Exit::Usage, "nobody is named who signs").hint(
                "name a key with --key FILE, --key env:NAME or --key agent:KEY, or a program \
                 with --sign-with COMMAND --public KEY",
            ));
        }
        Ok(signers)
    }

    /// The public key of a signature that is imported.
    pub(in crate::cli) fn imported(&self, context: &mut Context) -> Result<PublicKey, Failure> {
        match self.public.as_slice() {
            [public] => public.public(&self.passphrase, context),
            _ => Err(Failure::say(Exit::Usage, "--import SIGNATURE needs one --public KEY")),
        }
    }
}
