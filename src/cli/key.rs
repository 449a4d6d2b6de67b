//! `tieline key`.

use camino::Utf8PathBuf;
use clap::Subcommand;

use super::trust::{Passphrase, SignerSource};
use super::{Context, Exit, Failure, Format};
use crate::host::{FileError, Mode};
use crate::primitives::SshKey;
use crate::report::{KeyEntry, KeysReport};
use crate::tuf::{KeyPair, PublicKey, Signer};

/// Make and look at the keys that sign releases
///
/// These are not the keys of tunnels: those are made on each gateway by `tieline enroll` and
/// never leave it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    Generate(Generate),
    Show(Show),
}

/// Make an ed25519 key pair
///
/// Writes the private key to FILE, readable by you alone, and the public key to FILE.pub. Neither
/// file is ever overwritten. Both are PEM, as OpenSSL reads and writes them.
///
/// Who has the private key of a role can sign for it. Keep those of the root role offline and under
/// a passphrase. The key that signs releases is a secret of your CI system: paste the content of
/// FILE there and sign with `--key env:NAME`.
///
/// You need no new key where you have one already: a plain ed25519 key of OpenSSH signs through
/// ssh-agent (`--key agent:KEY`), and whatever a program can sign with (an HSM, a KMS) through
/// `--sign-with COMMAND`.
#[derive(Debug, clap::Args)]
struct Generate {
    /// Where to write the private key
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,

    /// Put the private key under a passphrase, which is asked for twice
    #[arg(short, long)]
    passphrase: bool,

    #[command(flatten)]
    source: Passphrase,
}

/// Print the id and the public half of keys
///
/// For each key its id in metadata, its kind, its SHA256 fingerprint as `ssh-add -l` prints it, the
/// public half in PEM, and the same in one line as OpenSSH writes it. Compare ids and fingerprints
/// over the phone before you trust a key that came by mail.
#[derive(Debug, clap::Args)]
struct Show {
    /// Key files, private or public, in PEM or as OpenSSH writes public keys; env:NAME; or
    /// agent:KEY for one in ssh-agent
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<SignerSource>,

    #[command(flatten)]
    passphrase: Passphrase,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit, Failure> {
    match &args.command {
        KeyCommand::Generate(args) => generate(args, context),
        KeyCommand::Show(args) => show(args, context),
    }
}

fn generate(args: &Generate, context: &mut Context) -> Result<Exit, Failure> {
    let fail = |error: &dyn std::error::Error| Failure::new(Exit::Failure, error);
    let named = args.file.as_str();
    if named.is_empty() || named.starts_with("env:") || named.starts_with("agent:") {
        let text = format!("a private key is written to a file, and {:?} names none", args.file);
        return Err(Failure::say(Exit::Usage, text).hint("for example: release.pem"));
    }
    let private = context.path(&args.file);
    let public = Utf8PathBuf::from(format!("{private}.pub"));
    let pair = KeyPair::generate().map_err(|error| fail(&error))?;
    let secret = if args.passphrase || args.source.is_named() {
        let passphrase = args.source.for_new(context)?;
        context
            .terminal
            .work("deriving a key from the passphrase", || pair.to_encrypted_pem(&passphrase))
    } else {
        pair.to_pem()
    };
    let secret = secret.map_err(|error| fail(&error))?;
    let files = context.host.files;
    // The public half first: if it is in the way, no private key is left behind.
    let text = pem(pair.public())?;
    files.create(&public, text.as_bytes(), Mode::Public).map_err(|error| in_the_way(&error))?;
    if let Err(error) = files.create(&private, secret.as_bytes(), Mode::Private) {
        files.remove(&public).map_err(|error| fail(&error))?;
        return Err(in_the_way(&error));
    }
    let directory = private.parent().filter(|path| !path.as_str().is_empty());
    let directory = directory.unwrap_or(camino::Utf8Path::new("."));
    files.sync_dir(directory).map_err(|error| fail(&error))?;
    context.terminal.note(&format!(
        "made key {}: private half in {private}, public half in {public}",
        pair.public().id()
    ));
    if context.format == Format::Json {
        let entry = entry(pair.public(), public.to_string())?;
        context.json(&KeysReport { keys: vec![entry] })?;
    }
    Ok(Exit::Done)
}

/// Why a file of the pair cannot be made, and what to do about it.
fn in_the_way(error: &FileError) -> Failure {
    match error {
        FileError::NotFound { path } => {
            let text = format!("cannot write {path}: its directory does not exist");
            Failure::say(Exit::Failure, text).hint("make the directory first")
        }
        FileError::AlreadyExists { .. } => Failure::new(Exit::Failure, error)
            .hint("a key is never overwritten: choose another name"),
        _ => Failure::new(Exit::Failure, error),
    }
}

fn show(args: &Show, context: &mut Context) -> Result<Exit, Failure> {
    let mut report = KeysReport { keys: Vec::new() };
    for source in &args.keys {
        let key = source.public(&args.passphrase, context)?;
        report.keys.push(entry(&key, source.to_string())?);
    }
    match context.format {
        Format::Json => context.json(&report)?,
        Format::Human => context.terminal.result(&report.text())?,
    }
    Ok(Exit::Done)
}

fn entry(key: &PublicKey, source: String) -> Result<KeyEntry, Failure> {
    let ssh = key.to_ssh();
    Ok(KeyEntry {
        id: key.id().to_string(),
        kind: key.kind(),
        source,
        pem: pem(key)?,
        fingerprint: ssh.as_ref().map(SshKey::fingerprint),
        ssh: ssh.map(|key| key.to_string()),
    })
}

fn pem(key: &PublicKey) -> Result<String, Failure> {
    key.to_pem().ok_or_else(|| Failure::say(Exit::Failure, "this key cannot be written as PEM"))
}
