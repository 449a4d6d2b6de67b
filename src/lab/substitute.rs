//! The lab's own certificates into a copy of mesh.yaml.
//!
//! The real private keys are where they belong, on the real gateways. So every gateway of the lab
//! makes a key of its own, and only the fingerprints in the copy differ from the original.

use std::collections::BTreeMap;

use super::MeshFiles;
use crate::primitives::{Fingerprint, Name};
use crate::spec::{MeshSpec, Place, SourceFile};

/// `mesh` with the first certificate of every gateway replaced, and otherwise as it is; or the
/// gateway that has none to replace.
pub(super) fn substitute(
    mesh: &MeshFiles,
    fingerprints: &BTreeMap<Name, Fingerprint>,
) -> Result<MeshFiles, Name> {
    let spec = mesh.parse().spec.unwrap_or_default();
    let mut edits = BTreeMap::new();
    for (gateway, fingerprint) in fingerprints {
        let place = certificate(&spec, gateway).ok_or_else(|| gateway.clone())?;
        edits.insert(place, fingerprint);
    }
    let edited = |file: SourceFile, text: &String| {
        let mut text = text.clone();
        let edits = edits.iter().filter(|(place, _)| place.file == file);
        // From the end, so that the places of what is still to come stay right.
        for (place, fingerprint) in edits.rev() {
            text.replace_range(place.start..place.end, &format!("\"{fingerprint}\""));
        }
        text
    };
    let included = mesh.included.iter().zip(0..);
    let included =
        included.map(|((path, text), n)| (path.clone(), edited(SourceFile::Included(n), text)));
    Ok(MeshFiles {
        mesh: edited(SourceFile::Mesh, &mesh.mesh),
        included: included.collect(),
        ..mesh.clone()
    })
}

/// Where the first certificate of a gateway stands, quotes included.
fn certificate(spec: &MeshSpec, gateway: &Name) -> Option<Place> {
    let mut gateways = spec.lans.iter().flat_map(|lan| &lan.gateways);
    let found = gateways.find(|candidate| candidate.name.value == gateway.as_str())?;
    Some(found.certificates.first()?.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_fingerprints_changes() {
        let (old, other) = (Fingerprint::of_der(b"old"), Fingerprint::of_der(b"other"));
        let mesh = |a: &str, b: &str| {
            let mesh = format!(
                "mesh: x # comment\nlans:\n  one:\n    gateways: {{ a: {{ certificates: [{a}] }} }}\n"
            );
            let two = format!(
                "lans:\n  two:\n    gateways:\n      b:\n        certificates:\n          - {b}\n          \
                 - '{other}'\n"
            );
            let included =
                BTreeMap::from([("one.yaml".into(), String::new()), ("two.yaml".into(), two)]);
            MeshFiles { path: "mesh.yaml".into(), mesh, included, lock: None }
        };
        let before = mesh(&old.to_string(), &format!("'{old}'"));
        let new: BTreeMap<Name, _> = ["a", "b"]
            .map(|name| (name.parse().unwrap(), Fingerprint::of_der(name.as_bytes())))
            .into();
        let expected = mesh(&format!("\"{}\"", new["a"]), &format!("\"{}\"", new["b"]));
        assert_eq!(substitute(&before, &new), Ok(expected));
        let missing = BTreeMap::from([("c".parse().unwrap(), old)]);
        assert_eq!(substitute(&before, &missing), Err("c".parse().unwrap()));
    }
}
