//! `tieline root init`.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use camino::{Utf8Path, Utf8PathBuf};

use super::ceremony::{Ceremony, LoadedProposal, Place, explain};
use super::report;
use crate::cli::trust::{
    AnchorArgs, Lifetime, NamedSource, Passphrase, SignerArgs, consent, refuse,
};
use crate::cli::{Context, Exit, Failure, Format};
use crate::primitives::{Name, Printable};
use crate::spec::{MAX_BYTES, SourceFile, decode, parse};
use crate::tuf::repository::{NamedKey, RoleTerms, RootError, RootTerms, first_proposed_root};
use crate::tuf::{KeyId, PublicKey, Role, Signer, UtcTime};

/// Begin a repository with its first root
///
/// The simplest set-up has two keys: one for root, kept offline, and one for releases, kept by CI:
///
///   tieline key generate root.pem
///   tieline key generate release.pem
///   tieline root init --mesh acme --key root.pem --release-key release.pem.pub
///
/// Writes metadata/1.root.json and the same as metadata/root.json into the repository, and again as
/// root/1.root.json beside mesh.yaml. Commit the last one: `tieline sign` begins with it, so that no
/// git server can have you sign for another repository. Copy it to /etc/tieline/root.json on every
/// gateway.
///
/// With more root keys, in different places, it takes several people. Without enough of them at
/// hand, the root is proposed in the directory root/, and each signs:
///
///   tieline root init --mesh acme --root-key anna.pub --root-key bob.pub --root-key carol.pub \
///     --root-threshold 2 --release-key ci=release.pem.pub
///   git add root; git commit; git push
///   tieline root sign --key anna.pem                 # Anna; Bob does the same with his
///   tieline root rotate                              # makes it the first root
///
/// Keys have names, so that people know whose is missing: NAME=FILE, or the name of the file.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Init {
    /// The mesh whose releases these keys sign, as in mesh.yaml
    #[arg(long, value_name = "NAME")]
    mesh: Name,

    /// The directory to begin the repository in
    #[arg(long, value_name = "DIR", default_value = "repository")]
    repository: Utf8PathBuf,

    /// The directory that the root is proposed in, to be committed, if signatures are missing
    #[arg(long, value_name = "DIR", default_value = "root")]
    proposal: Utf8PathBuf,

    #[command(flatten)]
    signers: SignerArgs,

    /// A public key that holds the root role as well
    #[arg(long = "root-key", value_name = "[NAME=]KEY")]
    root_keys: Vec<NamedSource>,

    /// How many of the root keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    root_threshold: NonZeroU64,

    /// A public key that holds the targets, snapshot and timestamp roles
    #[arg(long = "release-key", value_name = "[NAME=]KEY")]
    release_keys: Vec<NamedSource>,

    /// A public key that holds the targets role, instead of the release keys
    #[arg(long = "targets-key", value_name = "[NAME=]KEY")]
    targets_keys: Vec<NamedSource>,

    /// How many of the targets keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    targets_threshold: NonZeroU64,

    /// A public key that holds the snapshot role, instead of the release keys
    #[arg(long = "snapshot-key", value_name = "[NAME=]KEY")]
    snapshot_keys: Vec<NamedSource>,

    /// How many of the snapshot keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    snapshot_threshold: NonZeroU64,

    /// A public key that holds the timestamp role, instead of the release keys
    #[arg(long = "timestamp-key", value_name = "[NAME=]KEY")]
    timestamp_keys: Vec<NamedSource>,

    /// How many of the timestamp keys must sign
    #[arg(long, value_name = "N", default_value = "1")]
    timestamp_threshold: NonZeroU64,

    /// When the root expires: days from now, or a time in UTC
    #[arg(long, value_name = "WHEN", default_value = "365d")]
    expires: Lifetime,

    /// Say that it was signed at TIME instead of now, so that it can be made again bit for bit
    #[arg(long, value_name = "TIME")]
    signed_at: Option<UtcTime>,
}

/// What people call keys, as far as is known.
type Names = BTreeMap<KeyId, Name>;

/// Refuses a root for another mesh than the one described here: no gateway would take its releases.
fn refuse_another_mesh(mesh: &Name, context: &Context) -> Result<(), Failure> {
    let path = context.path(Utf8Path::new("mesh.yaml"));
    let Ok(bytes) = context.host.files.read(&path, MAX_BYTES) else { return Ok(()) };
    // What is wrong with the file is for `tieline check` to say.
    let text = decode(SourceFile::Mesh, &bytes).unwrap_or_default();
    let described = parse(text).spec.and_then(|spec| spec.mesh).map(|name| name.value);
    match described {
        Some(described) if described != mesh.as_str() => {
            let described = Printable(&described);
            let message =
                format!("{path} is of mesh {described}, and this root would be of mesh {mesh}");
            Err(Failure::say(Exit::Failure, message).hint(
                "give both the same name; for a root of another mesh, -C DIR names its directory",
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn run(args: &Init, context: &mut Context) -> Result<Exit, Failure> {
    let (repository, proposal) = (args.repository.clone(), args.proposal.clone());
    let anchor = AnchorArgs::default();
    refuse_a_second_root(&repository, &proposal, context)?;
    refuse_another_mesh(&args.mesh, context)?;
    let ceremony = Ceremony::open(&Place { repository, proposal, anchor }, context)?;
    refuse_a_second_proposal(&ceremony, context)?;
    let signers = args.signers.load(context)?;
    let (terms, names) = terms(args, &signers, context)?;
    let mut proposal = first_proposed_root(&terms, &names).map_err(|error| refuse(&error))?;
    let what = report::proposed_text(&proposal);
    consent(&what, "Sign this root?", args.signers.yes || signers.is_empty(), context)?;
    let mut signatures = Vec::new();
    for signer in &signers {
        let made = context.terminal.work("signing", || proposal.sign(signer.as_ref()));
        signatures.extend(made.map_err(|error| explain(&error))?);
    }
    if proposal.is_complete() {
        let files = proposal.finish(terms.signed_at).map_err(|error| explain(&error))?;
        for path in ceremony.finish(&files, context)? {
            context.terminal.note(&format!("wrote {path}"));
        }
        context.terminal.note(&format!(
            "commit {}: signing begins with the roots in it, and each gateway is given one",
            ceremony.directory
        ));
    } else {
        ceremony.save_proposal(&proposal, context)?;
        ceremony.save_signatures(&proposal, signatures, context)?;
        context.terminal.note(&format!("wrote {}: commit it", ceremony.directory));
        context.terminal.note(&report::signature_status(&proposal));
    }
    if context.format == Format::Json {
        let loaded = LoadedProposal { proposal, ignored: Vec::new() };
        context.json(&report::root_report(&ceremony, Some(&loaded)))?;
    }
    Ok(Exit::Done)
}

/// A root is replaced by its successor, never by another first one: gateways would refuse all that
/// follows from it.
fn refuse_a_second_root(
    repository: &Utf8Path,
    proposal: &Utf8Path,
    context: &Context,
) -> Result<(), Failure> {
    let metadata = context.path(repository).join("metadata");
    let agreed = context.path(proposal).join("1.root.json");
    for path in [metadata.join("1.root.json"), metadata.join("root.json"), agreed] {
        if !context.host.files.read(&path, 0).is_err_and(|error| error.is_not_found()) {
            return Err(Failure::say(Exit::Failure, format!("{path} exists already"))
                .hint("a repository has one first root; gateways trust no other"));
        }
    }
    Ok(())
}

fn refuse_a_second_proposal(ceremony: &Ceremony, context: &Context) -> Result<(), Failure> {
    if ceremony.load_proposal(context)?.is_none() {
        return Ok(());
    }
    let text = format!("a proposed root in {} exists already", ceremony.directory);
    Err(Failure::say(Exit::Failure, text)
        .hint("sign it, change it with `tieline root add-key` and the like, or remove it first"))
}

/// What the command line says the first root is.
fn terms(
    args: &Init,
    signers: &[Box<dyn Signer + '_>],
    context: &mut Context,
) -> Result<(RootTerms, Names), Failure> {
    let now = UtcTime::from_clock(context.host.clock.now());
    let signed_at = args.signed_at.unwrap_or(now);
    let mut names = Names::new();
    let mut held_by = |role, sources: &[NamedSource], more: Vec<NamedKey>, threshold| {
        let mut keys: Vec<PublicKey> = Vec::new();
        let loaded = sources.iter().map(|source| source.load(&Passphrase::default(), context));
        for key in loaded.chain(more.into_iter().map(Ok)) {
            let key = key?;
            call(&key, &mut names)?;
            keys.push(key.key);
        }
        if keys.is_empty() {
            let text = format!("nobody would hold the {role} role");
            return Err(Failure::say(Exit::Usage, text).hint(match role {
                Role::Root => "name its keys with --key or --root-key".to_owned(),
                _ => format!("name a key with --release-key or --{role}-key"),
            }));
        }
        Ok(RoleTerms { keys, threshold })
    };
    let guessed = args.signers.guessed_names();
    let own = signers.iter().zip(guessed).map(|(signer, name)| NamedKey {
        key: signer.public().clone(),
        name,
        said: false,
    });
    let release = |own: &'_ Vec<NamedSource>| {
        if own.is_empty() { args.release_keys.clone() } else { own.clone() }
    };
    let root = held_by(Role::Root, &args.root_keys, own.collect(), args.root_threshold)?;
    let mut other = |role, own: &Vec<NamedSource>, threshold| {
        held_by(role, &release(own), Vec::new(), threshold)
    };
    let terms = RootTerms {
        mesh: args.mesh.clone(),
        root,
        targets: other(Role::Targets, &args.targets_keys, args.targets_threshold)?,
        snapshot: other(Role::Snapshot, &args.snapshot_keys, args.snapshot_threshold)?,
        timestamp: other(Role::Timestamp, &args.timestamp_keys, args.timestamp_threshold)?,
        signed_at,
        expires: args.expires.end(signed_at),
    };
    Ok((terms, names))
}

/// Notes what a key is called. A name that was said must be free; a guess gives way.
fn call(key: &NamedKey, names: &mut Names) -> Result<(), Failure> {
    let Some(name) = &key.name else { return Ok(()) };
    let id = key.key.id();
    let taken = names.iter().any(|(other, taken)| taken == name && *other != id);
    if taken && key.said {
        return Err(explain(&RootError::NameTaken { name: name.clone() }));
    }
    if !taken && (key.said || !names.contains_key(&id)) {
        names.insert(id, name.clone());
    }
    Ok(())
}
