//! Whether gateways keep the numbers that they have in the newest release.

use crate::bundle;
use crate::cli::trust::{Directory, refuse};
use crate::cli::{Context, Failure};
use crate::primitives::{Digest, Name};
use crate::tuf::repository::{Addresses, Audit, ProposedRelease, check_renumbered};
use crate::tuf::{Limits, Request};

/// Refuses other numbers than before, save for gateways of `named`.
///
/// A bundle shows the numbers of its gateway and of all those at the far ends of its tunnels. So few are
/// read: one of a full mesh is enough, and none of a gateway whose bundle stays as it is.
pub(super) fn check(
    named: &[Name],
    audit: &Audit,
    repository: &Directory,
    proposal: &ProposedRelease,
    context: &Context,
) -> Result<(), Failure> {
    let (mut before, mut after) = (Addresses::default(), Addresses::default());
    for gateway in &proposal.changes.changed {
        if before.contains_key(gateway) && after.contains_key(gateway) {
            continue;
        }
        let mut files = proposal.bundles.iter();
        let new = files.find(|file| file.gateway().as_ref() == Some(gateway));
        let Some(new) = new else { continue };
        let Some((path, digest)) = audit.bundle(gateway) else { continue };
        let old = repository.read(&Request { path, limit: Limits::GATEWAY.bundle }, context)?;
        // What is not there any more, or is not what was signed, tells nothing.
        let Some(old) = old.filter(|bytes| Digest::of(bytes) == digest) else { continue };
        add(&mut before, &old);
        add(&mut after, &new.content);
    }
    check_renumbered(&before, &after, named).map_err(|error| refuse(&error))
}

fn add(addresses: &mut Addresses, bundle: &[u8]) {
    let Ok((manifest, _)) = bundle::unpack(bundle) else { return };
    for (gateway, shown) in manifest.addresses() {
        addresses.entry(gateway).or_default().extend(shown);
    }
}
