//! Whether a bundle does nothing that this gateway forbids.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Forbidden, Local, kind};
use crate::bundle::{Manifest, Unit};
use crate::primitives::{ArtifactSet, Device};

/// Refuses what this gateway does not allow, whether it is about to come or has been in use for long:
/// gateway.yaml and the networks of this host may have changed since it came.
pub(in crate::reconcile) fn check(
    manifest: &Manifest,
    files: &ArtifactSet,
    local: &Local,
) -> Result<(), Forbidden> {
    let devices: BTreeMap<Device, IpAddr> = manifest.units.iter().filter_map(device).collect();
    manifest.units.iter().try_for_each(|unit| kind::check(unit, files, &devices, local))
}

/// The device of a tunnel, and our address on it.
fn device(unit: &Unit) -> Option<(Device, IpAddr)> {
    match unit {
        Unit::Tunnel { device, local, .. } => Some((*device, *local)),
        _ => None,
    }
}
