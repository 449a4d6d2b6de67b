//! The lab's own certificates into a copy of mesh.yaml.
//!
//! The real private keys are where they belong, on the real gateways. So every gateway of the lab
//! makes a key of its own, and only the fingerprints in the copy differ from the original.

use std::collections::BTreeMap;

use crate::primitives::{Fingerprint, Name};
use crate::spec::{MeshSpec, parse};

/// `mesh` with the first certificate of every gateway replaced, and otherwise as it is; or the
/// gateway that has none to replace.
pub(super) fn substitute(
    mesh: &str,
    fingerprints: &BTreeMap<Name, Fingerprint>,
) -> Result<String, Name> {
    let spec = parse(mesh).spec.unwrap_or_default();
    let mut edits = BTreeMap::new();
    for (gateway, fingerprint) in fingerprints {
        let range = certificate(&spec, gateway).ok_or_else(|| gateway.clone())?;
        edits.insert(range, fingerprint);
    }
    let mut text = mesh.to_owned();
    // From the end, so that the places of what is still to come stay right.
    for ((start, end), fingerprint) in edits.into_iter().rev() {
        text.replace_range(start..end, &format!("\"{fingerprint}\""));
    }
    Ok(text)
}

/// Where the first certificate of a gateway stands, quotes included.
fn certificate(spec: &MeshSpec, gateway: &Name) -> Option<(usize, usize)> {
    let mut gateways = spec.lans.iter().flat_map(|lan| &lan.gateways);
    let found = gateways.find(|candidate| candidate.name.value == gateway.as_str())?;
    let place = found.certificates.first()?.place;
    Some((place.start, place.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_fingerprints_changes() {
        let (old, other) = (Fingerprint::of_der(b"old"), Fingerprint::of_der(b"other"));
        let template = |a: &str, b: &str| {
            format!(
                "mesh: x # comment\nlans:\n  one:\n    gateways: {{ a: {{ certificates: [{a}] }} }}\n  \
                 two:\n    gateways:\n      b:\n        certificates:\n          - {b}\n          - '{other}'\n"
            )
        };
        let mesh = template(&old.to_string(), &format!("'{old}'"));
        let new: BTreeMap<Name, _> = ["a", "b"]
            .map(|name| (name.parse().unwrap(), Fingerprint::of_der(name.as_bytes())))
            .into();
        let expected = template(&format!("\"{}\"", new["a"]), &format!("\"{}\"", new["b"]));
        assert_eq!(substitute(&mesh, &new), Ok(expected));
        let missing = BTreeMap::from([("c".parse().unwrap(), old)]);
        assert_eq!(substitute(&mesh, &missing), Err("c".parse().unwrap()));
    }
}
