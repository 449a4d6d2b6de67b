//! A mesh together with the numbers of its gateways.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::{Lock, Mesh, Places, room};
use crate::primitives::{GatewayNumber, Name};
use crate::spec::{Code, Finding, Place};

/// A checked mesh in which every gateway has its number from mesh.lock, the tunnel network an
/// address and the port range a port for each. Nothing after this fails for the user's fault.
#[derive(Debug, Clone)]
pub struct NumberedMesh<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// The number of every gateway of the mesh, and of no other.
    pub numbers: BTreeMap<Name, GatewayNumber>,
}

/// Why a mesh and its mesh.lock do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberProblem {
    /// A gateway that mesh.lock does not know.
    #[error("gateway {gateway} has no number in mesh.lock")]
    NotNumbered {
        /// The gateway.
        gateway: Name,
    },
    /// A gateway that only mesh.lock knows.
    #[error("mesh.lock numbers gateway {gateway}, which is not in mesh.yaml")]
    NotRetired {
        /// The gateway.
        gateway: Name,
        /// Its line in mesh.lock.
        place: Place,
    },
    /// Every number has been given out.
    #[error("no number is left for gateway {gateway}: 65535 have been given out")]
    NoNumberLeft {
        /// The gateway.
        gateway: Name,
    },
    /// The tunnel network ends before the highest number.
    #[error("the tunnel network {network} has no address for gateway number {highest}")]
    NetworkTooSmall {
        /// The tunnel network.
        network: Ipv4Net,
        /// The highest number that is needed.
        highest: u32,
    },
    /// The port range ends before the highest number.
    #[error("the tunnels' ports {first}-{last} have no port for gateway number {highest}")]
    PortsTooFew {
        /// The first port.
        first: u16,
        /// The last port.
        last: u16,
        /// The highest number that is needed.
        highest: u32,
    },
}

/// Gives the gateways of a mesh their numbers from mesh.lock, which must know exactly them.
pub fn number<'a>(mesh: &'a Mesh, lock: &Lock) -> Result<NumberedMesh<'a>, Vec<NumberProblem>> {
    let numbers = lock.numbers();
    let mut problems = Vec::new();
    for (_, gateway) in mesh.gateways() {
        if !numbers.contains_key(&gateway.name) {
            problems.push(NumberProblem::NotNumbered { gateway: gateway.name.clone() });
        }
    }
    for (name, &number) in &numbers {
        if !mesh.lans.values().any(|lan| lan.gateways.contains_key(name)) {
            let place = lock.place(number);
            problems.push(NumberProblem::NotRetired { gateway: name.clone(), place });
        }
    }
    problems.extend(room::check(&mesh.tunnels, u32::from(lock.highest())));
    if problems.is_empty() { Ok(NumberedMesh { mesh, numbers }) } else { Err(problems) }
}

impl NumberProblem {
    /// The problem as a finding, in a mesh whose parts stand at `places`.
    #[must_use]
    pub fn finding(&self, places: &Places) -> Finding {
        let of = |gateway| places.gateways.get(gateway).copied();
        let (code, place) = match self {
            Self::NotNumbered { gateway } => (Code::NotNumbered, of(gateway)),
            Self::NotRetired { place, .. } => (Code::NotRetired, Some(*place)),
            Self::NoNumberLeft { gateway } => (Code::NoNumberLeft, of(gateway)),
            Self::NetworkTooSmall { .. } => (Code::TunnelNetworkTooSmall, places.network),
            Self::PortsTooFew { .. } => (Code::PortRangeTooSmall, places.ports),
        };
        let message = self.to_string();
        let finding = match place {
            Some(place) => Finding::new(code, place, message),
            None => Finding::nowhere(code, message),
        };
        finding.hint(self.remedy())
    }

    fn remedy(&self) -> String {
        match self {
            Self::NotNumbered { .. } | Self::NotRetired { .. } => {
                "run `tieline lock` and commit mesh.lock".to_owned()
            }
            Self::NoNumberLeft { .. } => {
                "begin a new mesh with a new mesh.lock: every gateway will be renumbered".to_owned()
            }
            Self::NetworkTooSmall { highest, .. } => {
                // 2^bits addresses, of which the first and the last are not given out.
                let bits = u32::BITS - (highest + 1).leading_zeros();
                format!("it needs a /{} or larger", 32 - bits.clamp(2, 32))
            }
            Self::PortsTooFew { first, highest, .. } => match u32::from(*first) + highest {
                last @ ..=65535 => format!("it needs {first}-{last} or more"),
                _ => format!("begin lower: {highest} ports are needed after the first"),
            },
        }
    }
}
