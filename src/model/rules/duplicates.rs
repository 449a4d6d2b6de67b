//! What must be one gateway's own is not another's as well.

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::draft::Draft;
use crate::spec::{Code, Finding, Place, Placed, Printable};

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    names(draft, findings);
    certificates(draft, findings);
    public_keys(draft, findings);
    endpoints(draft, findings);
    addresses(draft, findings);
}

/// Gateway names are unique over the mesh: a bundle, a branch and a number belong to one.
fn names(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut seen = Seen::default();
    for (lan, gateway) in draft.gateways() {
        if let Some(earlier) =
            seen.before(gateway.label.value.0, gateway.label.place, lan.label.value)
        {
            let message = format!(
                "LAN {} and LAN {} both have a gateway {}",
                earlier.value, lan.label.value, gateway.label.value
            );
            let finding = Finding::new(Code::DuplicateGateway, gateway.label.place, message);
            let finding = finding.label("again here").related(earlier.place, "first here");
            findings.push(finding.hint("gateway names are unique over the whole mesh"));
        }
    }
}

/// A certificate tells who somebody is.
fn certificates(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut seen = Seen::default();
    for (_, gateway) in draft.gateways() {
        for certificate in &gateway.certificates {
            let owner = gateway.label.value;
            let Some(earlier) = seen.before(certificate.value, certificate.place, owner) else {
                continue;
            };
            let message = if earlier.value.0 == owner.0 {
                format!("gateway {owner} lists the same certificate twice")
            } else {
                format!("gateways {} and {owner} have the same certificate", earlier.value)
            };
            let finding = Finding::new(Code::DuplicateCertificate, certificate.place, message);
            let finding = finding.label("again here").related(earlier.place, "first here");
            findings.push(finding.hint("each gateway makes its own with `tieline enroll`"));
        }
    }
}

/// A public key belongs to whoever has the private half.
fn public_keys(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut seen = Seen::default();
    for (_, gateway) in draft.gateways() {
        for key in &gateway.public_keys {
            let owner = gateway.label.value;
            let Some(earlier) = seen.before(key.value, key.place, owner) else { continue };
            let message = if earlier.value.0 == owner.0 {
                format!("gateway {owner} lists the same public key twice")
            } else {
                format!("gateways {} and {owner} have the same public key", earlier.value)
            };
            let finding = Finding::new(Code::DuplicatePublicKey, key.place, message);
            let finding = finding.label("again here").related(earlier.place, "first here");
            findings.push(finding.hint("each gateway makes its own with `tieline enroll`"));
        }
    }
}

/// Two gateways behind one address would listen on the same ports of it.
fn endpoints(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut seen = Seen::default();
    for (_, gateway) in draft.gateways() {
        let Some(Placed { value: Some(endpoint), place }) = &gateway.endpoint else { continue };
        if let Some(earlier) = seen.before(endpoint, *place, gateway.label.value) {
            let message = format!(
                "gateways {} and {} have the same endpoint {endpoint}",
                earlier.value, gateway.label.value
            );
            let finding = Finding::new(Code::DuplicateEndpoint, *place, message);
            let finding = finding.label("again here").related(earlier.place, "first here");
            findings.push(finding.hint(
                "both would need the same ports there; one of them can have `endpoint: none`",
            ));
        }
    }
}

fn addresses(draft: &Draft, findings: &mut Vec<Finding>) {
    let mut seen = Seen::default();
    for (_, gateway) in draft.gateways() {
        let Some(address) = gateway.address else { continue };
        if let Some(earlier) = seen.before(address.value, address.place, gateway.label.value) {
            let message = format!(
                "gateways {} and {} have the same address {}",
                earlier.value, gateway.label.value, address.value
            );
            let finding = Finding::new(Code::DuplicateAddress, address.place, message);
            findings.push(finding.label("again here").related(earlier.place, "first here"));
        }
    }
}

/// What has been seen, with its owner and its place.
struct Seen<'a, K>(HashMap<K, (Printable<'a>, Place)>);

impl<K> Default for Seen<'_, K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'a, K: Eq + Hash> Seen<'a, K> {
    /// The first owner of `key`, unless that is `owner` here and now.
    fn before(
        &mut self,
        key: K,
        here: Place,
        owner: Printable<'a>,
    ) -> Option<Placed<Printable<'a>>> {
        if let Some(&(first, place)) = self.0.get(&key) {
            return Some(Placed::new(first, place));
        }
        self.0.insert(key, (owner, here));
        None
    }
}
