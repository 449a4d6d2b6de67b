//! Where trust begins. A repository comes from a git server, which nobody has to trust: so whoever
//! signs begins with a root that did not come from there.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::{Context, Exit, Failure};
use crate::primitives::Digest;
use crate::tuf::repository::{RootError, TrustedRoot};
use crate::tuf::{Limits, Request};

/// Which root everything is verified from
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::cli) struct AnchorArgs {
    /// Verify the repository from this root on, instead of those that `tieline root` keeps in root/
    /// to be committed, or where there are none, the repository's own first
    #[arg(long, value_name = "FILE")]
    root: Option<Utf8PathBuf>,
}

/// The root that everything is verified from.
pub(in crate::cli) struct Anchor {
    pub(in crate::cli) bytes: Vec<u8>,
    /// Whether it is our own, and not the repository's, taken on trust.
    pub(in crate::cli) is_own: bool,
}

/// The directory of root ceremonies. It keeps every root that was agreed on, as `N.root.json`: a
/// repository has to have the same ones.
pub(in crate::cli) const CEREMONY: &str = "root";

/// Our copy of a version of root.
struct RootCopy {
    version: u64,
    path: Utf8PathBuf,
    bytes: Vec<u8>,
}

impl AnchorArgs {
    /// The root to begin with. The repository that `read` reads has to have it, and the later ones
    /// that were agreed on, as well.
    pub(in crate::cli) fn find(
        &self,
        read: impl Fn(&Request) -> Result<Option<Vec<u8>>, Failure>,
        context: &Context,
    ) -> Result<Option<Anchor>, Failure> {
        self.find_in(Utf8Path::new(CEREMONY), read, context)
    }

    /// The same, where root ceremonies take place in `directory`.
    pub(in crate::cli) fn find_in(
        &self,
        directory: &Utf8Path,
        read: impl Fn(&Request) -> Result<Option<Vec<u8>>, Failure>,
        context: &Context,
    ) -> Result<Option<Anchor>, Failure> {
        let copies = match &self.root {
            Some(path) => vec![named(context.path(path), context)?],
            None => agreed(&context.path(directory), context)?,
        };
        for RootCopy { version, path, bytes } in &copies {
            let request = request(*version);
            let theirs = &request.path;
            let text = match read(&request)? {
                Some(found) if found == *bytes => continue,
                Some(_) => format!("{theirs} of the repository is another root than {path}"),
                None => format!("the repository has no {theirs}, and {path} is that root"),
            };
            return Err(Failure::say(Exit::Signature, text).hint(
                "it is an older copy or none of yours: get the branch `release` of your own",
            ));
        }
        match copies.into_iter().next() {
            Some(first) => Ok(Some(Anchor { bytes: first.bytes, is_own: true })),
            None => Ok(read(&request(1))?.map(|bytes| Anchor { bytes, is_own: false })),
        }
    }
}

/// The root in the file at `path`.
fn named(path: Utf8PathBuf, context: &Context) -> Result<RootCopy, Failure> {
    let bytes = read_root(&path, context)?;
    let root = TrustedRoot::follow(bytes.clone(), |_| Ok::<_, RootError>(None));
    let root = root.map_err(|error| {
        let failure = Failure::new(Exit::Signature, &error);
        Failure { message: format!("{path}: {}", failure.message), ..failure }
    })?;
    Ok(RootCopy { version: root.version(), path, bytes })
}

/// The roots that are kept in `directory`, the oldest first.
fn agreed(directory: &Utf8Path, context: &Context) -> Result<Vec<RootCopy>, Failure> {
    let names = context.host.files.list(directory);
    let names = names.map_err(|error| Failure::new(Exit::Failure, &error))?;
    let version =
        |name: &String| Some((name.strip_suffix(".root.json")?.parse().ok()?, name.clone()));
    let mut versions: Vec<(u64, String)> = names.iter().filter_map(version).collect();
    versions.sort();
    let copy = |(version, name)| {
        let path = directory.join(name);
        Ok(RootCopy { version, bytes: read_root(&path, context)?, path })
    };
    versions.into_iter().map(copy).collect()
}

fn read_root(path: &Utf8Path, context: &Context) -> Result<Vec<u8>, Failure> {
    let bytes = context.host.files.read(path, Limits::GATEWAY.root);
    bytes.map_err(|error| Failure::new(Exit::Failure, &error))
}

/// The request for a version of root.
fn request(version: u64) -> Request {
    Request { path: format!("metadata/{version}.root.json"), limit: Limits::GATEWAY.root }
}

impl Anchor {
    /// What whoever signs has to know, where nothing but the repository says which root is right.
    pub(in crate::cli) fn doubt(&self) -> Option<String> {
        (!self.is_own).then(|| {
            format!(
                "its root is the repository's own first, taken on trust: sha256 {}",
                Digest::of(&self.bytes)
            )
        })
    }

    /// Refuses to sign unasked what follows from a root that is taken on trust: whoever can write
    /// into the repository could have it say anything, with keys of their own beside ours.
    pub(in crate::cli) fn demand_own(&self) -> Result<(), Failure> {
        match self.doubt() {
            None => Ok(()),
            Some(doubt) => Err(Failure::say(
                Exit::Signature,
                format!("nobody but the repository vouches for the repository: {doubt}"),
            )
            .hint(
                "commit your first root as root/1.root.json, or name it with --root; or compare the \
                 digest, and leave out --yes",
            )),
        }
    }
}
