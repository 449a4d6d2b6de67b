//! Where in mesh.yaml the parts of a mesh stand, for findings that are made later.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::primitives::Name;
use crate::spec::Place;

/// Places of a mesh's parts in mesh.yaml.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The name of each gateway.
    pub gateways: BTreeMap<Name, Place>,
    /// The tunnel network.
    pub network: Option<Place>,
    /// The ports of the tunnels.
    pub ports: Option<Place>,
}

impl Places {
    pub(super) fn of(draft: &Draft) -> Self {
        Self {
            gateways: draft.gateway_places().collect(),
            network: draft.network.map(|network| network.place),
            ports: draft.ports.map(|ports| ports.place),
        }
    }
}
