//! From values to a checked mesh.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::draft::{Draft, DraftGateway, DraftLan};
use super::{Gateway, Lan, Mesh, Places, TunnelRange, rules};
use crate::spec::{self, Finding, Parsed};

/// A mesh without errors.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The mesh.
    pub mesh: Mesh,
    /// Where its parts stand in mesh.yaml.
    pub places: Places,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Finding>,
}

/// Holds mesh.yaml against every rule. The findings of an error are all that there are, those of
/// [`spec::parse`] and warnings included, in the order of the file.
pub fn resolve(parsed: Parsed) -> Result<Resolved, Vec<Finding>> {
    let Parsed { spec, mut findings } = parsed;
    let Some(spec) = spec else { return Err(findings) };
    let draft = Draft::of(&spec, &mut findings);
    rules::check(&draft, &mut findings);
    spec::sort(&mut findings);
    if findings.iter().any(Finding::is_error) {
        return Err(findings);
    }
    let places = Places::of(&draft);
    // What is missing has been reported, so nothing is.
    match mesh(draft) {
        Some(mesh) => Ok(Resolved { mesh, places, warnings: findings }),
        None => Err(findings),
    }
}

fn mesh(draft: Draft) -> Option<Mesh> {
    let ports = draft.ports?.value;
    let tunnels = TunnelRange {
        network: draft.network?.value,
        first_port: ports.first,
        last_port: ports.last,
    };
    let lans = draft.lans.into_iter().map(lan).collect::<Option<Vec<_>>>()?;
    let lans = lans.into_iter().map(|lan| (lan.name.clone(), lan)).collect();
    Some(Mesh { name: draft.name?, tunnels, lans })
}

fn lan(draft: DraftLan) -> Option<Lan> {
    let networks = draft.networks.iter().map(|network| IpNet::V4(network.value)).collect();
    let gateways = draft.gateways.into_iter().map(gateway).collect::<Option<Vec<_>>>()?;
    let gateways: BTreeMap<_, _> =
        gateways.into_iter().map(|gateway| (gateway.name.clone(), gateway)).collect();
    Some(Lan { name: draft.name?, networks, gateways })
}

fn gateway(draft: DraftGateway) -> Option<Gateway> {
    Some(Gateway {
        name: draft.name?,
        endpoint: draft.endpoint?.value,
        address: draft.address?.value,
        certificates: draft.certificates.iter().map(|certificate| certificate.value).collect(),
        public_keys: draft.public_keys.iter().map(|key| key.value).collect(),
    })
}
