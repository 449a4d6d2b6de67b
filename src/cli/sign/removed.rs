//! Which gateways a release may leave without a bundle.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::cli::{Context, Exit, Failure};
use crate::host::FileError;
use crate::model::Lock;
use crate::primitives::Name;
use crate::spec::MAX_BYTES;
use crate::tuf::repository::{NewFile, ProposedRelease};

/// Those that were named, and those that mesh.lock remembers as removed. Where there is a
/// mesh.lock, it also says for which gateways there has to be a bundle.
pub(super) fn allowed(
    named: &[Name],
    mesh: &Utf8Path,
    proposal: &ProposedRelease,
    context: &Context,
) -> Result<BTreeSet<Name>, Failure> {
    let mut may: BTreeSet<Name> = named.iter().cloned().collect();
    let path = context.path(mesh).with_extension("lock");
    let Some(lock) = read(&path, context)? else { return Ok(may) };
    may.extend(lock.removed());
    // A team has no bundles but its own.
    if proposal.metadata.team().is_some() {
        return Ok(may);
    }
    let built = proposal.bundles.iter().filter_map(NewFile::gateway);
    let built: BTreeSet<Name> = built.chain(proposal.elsewhere.keys().cloned()).collect();
    let numbers = lock.numbers();
    let absent = numbers.keys().filter(|name| !built.contains(*name) && !may.contains(*name));
    let absent: Vec<_> = absent.map(Name::as_str).collect();
    if !absent.is_empty() {
        let absent = absent.join(", ");
        let message = format!("the release has no bundle for {absent}, and {path} lists it");
        return Err(Failure::say(Exit::BadBundle, message)
            .hint("run `tieline build` again; or name who may go without with --drop"));
    }
    Ok(may)
}

fn read(path: &Utf8Path, context: &Context) -> Result<Option<Lock>, Failure> {
    let bytes = match context.host.files.read(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(FileError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(Failure::new(Exit::Failure, &error)),
    };
    let lock = std::str::from_utf8(&bytes).ok().and_then(|text| Lock::parse(text).ok());
    lock.map(Some).ok_or_else(|| {
        Failure::say(Exit::MeshErrors, format!("{path} has errors"))
            .hint("`tieline check` shows them")
    })
}
