//! Where a root ceremony takes place: a repository, and a directory that people share by git.
//!
//! The directory holds the proposed root and one file a signature, so that two who sign at the
//! same time change different files and git merges them by itself.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::cli::trust::{Anchor, AnchorArgs, CEREMONY, Directory};
use crate::cli::{Context, Exit, Failure};
use crate::host::{FileError, Mode};
use crate::primitives::{Digest, Name, Printable};
use crate::tuf::repository::{NewFile, ProposedRoot, RootError, TrustedRoot};
use crate::tuf::{KeyId, Limits, Request, SignerError};

/// Where the ceremony takes place
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The repository whose root it is: a clone of the branch `release`
    #[arg(long, value_name = "DIR", default_value = "repository")]
    pub(super) repository: Utf8PathBuf,

    /// The directory with the proposed root and its signatures, to be committed
    #[arg(long, value_name = "DIR", default_value = CEREMONY)]
    pub(super) proposal: Utf8PathBuf,

    #[command(flatten)]
    pub(super) anchor: AnchorArgs,
}

/// A repository, and a proposal beside it.
pub(super) struct Ceremony {
    pub(super) repository: Directory,
    pub(super) directory: Utf8PathBuf,
    /// The root it is verified from; none before the first.
    pub(super) anchor: Option<Anchor>,
    /// The newest root of the repository; none before the first.
    pub(super) trusted: Option<TrustedRoot>,
}

/// A proposal, with the signatures that are there.
pub(super) struct LoadedProposal {
    pub(super) proposal: ProposedRoot,
    /// Signature files that count for nothing, and why.
    pub(super) ignored: Vec<String>,
}

/// One signature, as it is kept in a file of its own. Format 1, read by Tieline 0.1 and later.
#[derive(Debug, Serialize, Deserialize)]
struct SignatureFile {
    format: u32,
    keyid: KeyId,
    sig: String,
}

/// The format of [`SignatureFile`].
const FORMAT: u32 = 1;

/// The file of the proposal.
const PROPOSED: &str = "proposed.root.json";

/// The directory of the signatures.
const SIGNATURES: &str = "signatures";

/// The most that is read of a signature file, in bytes, and how many files are looked at.
const MAX_SIGNATURE: u64 = 16 << 10;
const MOST_SIGNATURES: usize = 256;

/// Why the roots could not be followed.
enum FollowFailure {
    Read(Failure),
    Refused(RootError),
}

impl From<RootError> for FollowFailure {
    fn from(error: RootError) -> Self {
        Self::Refused(error)
    }
}

impl Ceremony {
    /// Looks at a repository, which may not have begun yet.
    pub(super) fn open(place: &Place, context: &Context) -> Result<Self, Failure> {
        let repository = Directory::new(&place.repository, context);
        let read = |request: &Request| repository.read(request, context);
        let anchor = place.anchor.find_in(&place.proposal, read, context)?;
        let follow = |anchor: &Anchor| follow(anchor.bytes.clone(), &repository, context);
        let trusted = anchor.as_ref().map(follow).transpose()?;
        Ok(Self { repository, directory: context.path(&place.proposal), anchor, trusted })
    }

    /// The proposal there is, with the signatures that are there.
    pub(super) fn load_proposal(
        &self,
        context: &Context,
    ) -> Result<Option<LoadedProposal>, Failure> {
        let path = self.directory.join(PROPOSED);
        let bytes = match context.host.files.read(&path, Limits::GATEWAY.root) {
            Err(FileError::NotFound { .. }) => return Ok(None),
            read => read.map_err(|error| Failure::new(Exit::Failure, &error))?,
        };
        let proposal = ProposedRoot::read(self.trusted.clone(), &bytes);
        let mut proposal = proposal.map_err(|error| self.explain_proposal(&error))?;
        let mut ignored = Vec::new();
        for name in self.signature_files(context)?.iter().take(MOST_SIGNATURES) {
            let path = self.directory.join(SIGNATURES).join(name);
            let bytes = context.host.files.read(&path, MAX_SIGNATURE);
            let bytes = bytes.map_err(|error| Failure::new(Exit::Failure, &error))?;
            match serde_json::from_slice::<SignatureFile>(&bytes) {
                Ok(kept) if kept.format != FORMAT => {
                    ignored.push(format!("{path} has format {}, not {FORMAT}", kept.format));
                }
                Ok(kept) if proposal.add_signature(&kept.keyid, &kept.sig) => {}
                Ok(kept) => ignored.push(format!(
                    "{path} is no signature of this proposal by a root key {}: the proposal was \
                     changed after it was signed, or the key does not hold root",
                    Printable(&kept.keyid.short())
                )),
                Err(_) => ignored.push(format!("{path} is no signature file")),
            }
        }
        Ok(Some(LoadedProposal { proposal, ignored }))
    }

    /// The same, where there has to be one.
    pub(super) fn require_proposal(&self, context: &Context) -> Result<LoadedProposal, Failure> {
        self.load_proposal(context)?.ok_or_else(|| {
            let path = self.directory.join(PROPOSED);
            Failure::say(Exit::Failure, format!("no root is proposed: {path} does not exist")).hint(
                "`tieline root add-key`, `revoke-key`, `replace-key`, `set-threshold` or `renew` \
                 proposes one",
            )
        })
    }

    /// Why a proposal is none, and what to do about it.
    fn explain_proposal(&self, error: &RootError) -> Failure {
        let path = self.directory.join(PROPOSED);
        let failure = explain(error);
        let failure = Failure { message: format!("{path}: {}", failure.message), ..failure };
        match (error, &self.trusted) {
            (RootError::Version { found, .. }, Some(root)) if *found <= root.version() => failure
                .hint(format!(
                    "the repository is past it: remove {}, and propose anew",
                    self.directory
                )),
            (RootError::Version { .. }, None) => failure.hint(format!(
                "there is no root in {}: name the clone of the branch `release` with --repository",
                self.repository.path()
            )),
            _ => failure,
        }
    }

    /// Writes a proposal that nobody has signed; how many signatures of an earlier one are gone.
    pub(super) fn save_proposal(
        &self,
        proposal: &ProposedRoot,
        context: &Context,
    ) -> Result<usize, Failure> {
        let fail = |error: &FileError| Failure::new(Exit::Failure, error);
        let files = context.host.files;
        let unsigned = proposal.unsigned().map_err(|error| explain(&error))?;
        let dropped = self.signature_files(context)?.len();
        // They would count for nothing; nobody is to think that they do.
        files.remove(&self.directory.join(SIGNATURES)).map_err(|e| fail(&e))?;
        files.create_dir(&self.directory).map_err(|e| fail(&e))?;
        let path = self.directory.join(PROPOSED);
        files.replace(&path, &unsigned, Mode::Public).map_err(|e| fail(&e))?;
        Ok(dropped)
    }

    /// Keeps signatures, each in a file that is called after its key.
    pub(super) fn save_signatures(
        &self,
        proposal: &ProposedRoot,
        signatures: Vec<(KeyId, String)>,
        context: &Context,
    ) -> Result<Vec<Utf8PathBuf>, Failure> {
        if signatures.is_empty() {
            return Ok(Vec::new());
        }
        let directory = self.directory.join(SIGNATURES);
        let fail = |error: &FileError| Failure::new(Exit::Failure, error);
        context.host.files.create_dir(&directory).map_err(|e| fail(&e))?;
        let mut paths = Vec::new();
        for (keyid, sig) in signatures {
            let path = directory.join(file_name(proposal, &keyid));
            let kept = SignatureFile { format: FORMAT, keyid, sig };
            let text = serde_json::to_string_pretty(&kept);
            let text = text.map_err(|error| Failure::new(Exit::Failure, &error))? + "\n";
            context
                .host
                .files
                .replace(&path, text.as_bytes(), Mode::Public)
                .map_err(|e| fail(&e))?;
            paths.push(path);
        }
        Ok(paths)
    }

    /// Makes a proposal the newest root of the repository, which is agreed on from now on, and ends
    /// the ceremony; the files.
    pub(super) fn finish(
        &self,
        root: &[NewFile],
        context: &Context,
    ) -> Result<Vec<Utf8PathBuf>, Failure> {
        self.repository.write(root, context)?;
        let mut written: Vec<_> =
            root.iter().map(|file| self.repository.path().join(&file.path)).collect();
        // Its path in the repository is `metadata/N.root.json`.
        let newest =
            root.first().and_then(|newest| Some((newest.path.split('/').next_back()?, newest)));
        if let Some((name, newest)) = newest {
            let agreed = self.directory.join(name);
            let files = context.host.files;
            files
                .create_dir(&self.directory)
                .and_then(|()| files.replace(&agreed, &newest.content, Mode::Public))
                .map_err(|error| Failure::new(Exit::Failure, &error))?;
            written.push(agreed);
        }
        for name in [SIGNATURES, PROPOSED] {
            let removed = context.host.files.remove(&self.directory.join(name));
            removed.map_err(|error| Failure::new(Exit::Failure, &error))?;
        }
        Ok(written)
    }

    fn signature_files(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let names = context.host.files.list(&self.directory.join(SIGNATURES));
        let mut names = names.map_err(|error| Failure::new(Exit::Failure, &error))?;
        names.retain(|name| Utf8Path::new(name).extension() == Some("json"));
        Ok(names)
    }
}

/// The newest root that follows from `first` in `repository`.
pub(super) fn follow(
    first: Vec<u8>,
    repository: &Directory,
    context: &Context,
) -> Result<TrustedRoot, Failure> {
    let root = TrustedRoot::follow(first, |request| {
        repository.read(request, context).map_err(FollowFailure::Read)
    });
    root.map_err(|stopped| match stopped {
        FollowFailure::Read(failure) => failure,
        FollowFailure::Refused(error) => explain(&error),
    })
}

/// `anna-1f3c0a55.json`: what people call the key, and the beginning of a digest of its id. The id
/// itself is others' text, and could be any path; a name alone could be that of two keys, one of
/// which replaces the other.
fn file_name(proposal: &ProposedRoot, id: &KeyId) -> String {
    let holders = proposal
        .signature_statuses()
        .into_iter()
        .flat_map(|status| status.signed.into_iter().chain(status.missing).collect::<Vec<_>>());
    let mut names: Vec<Name> =
        holders.filter(|key| key.id == *id).filter_map(|key| key.name).collect();
    names.sort();
    let name = names.pop().map_or_else(|| "key".to_owned(), |name| name.to_string());
    format!("{name}-{:.8}.json", Digest::of(id.to_string().as_bytes()).to_string())
}

/// Why there is no root, as the user is told.
pub(super) fn explain(error: &RootError) -> Failure {
    let failure = match error {
        RootError::Chain(trust) | RootError::Refused(trust) => {
            Failure { exit: trust.kind().into(), ..Failure::new(Exit::Failure, error) }
        }
        RootError::Unsigned { .. }
        | RootError::NoHolder { .. }
        | RootError::Signer(SignerError::Wrong { .. }) => Failure::new(Exit::Signature, error),
        _ => Failure::new(Exit::Failure, error),
    };
    match error {
        RootError::Threshold { role, .. } => failure.hint(format!(
            "`tieline root set-threshold {role} N` first, or give the role to another key \
             (`tieline root add-key`); `tieline root replace-key` does both at once"
        )),
        RootError::NoHolder { .. } => {
            failure.hint("`tieline root show` says who holds root, `tieline key show` prints ids")
        }
        RootError::NoSuchKey { .. } | RootError::SeveralKeys { .. } => {
            failure.hint("`tieline root show` lists the keys")
        }
        RootError::NameTaken { .. } => failure.hint("say another one: NAME=KEY"),
        RootError::Expired { .. } => failure.hint("--expires says when it is to expire"),
        _ => failure,
    }
}
