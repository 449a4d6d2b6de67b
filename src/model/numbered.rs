//! A mesh together with the numbers of its gateways.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;

use super::{Lock, Mesh, NumberOwner, Places, room};
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
    /// A gateway or an uplink that only mesh.lock knows.
    #[error("mesh.lock numbers {} {owner}, which is not in mesh.yaml", kind(owner))]
    NotRetired {
        /// What has a number.
        owner: NumberOwner,
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
    let names: BTreeSet<_> = mesh.gateways().map(|(_, gateway)| &gateway.name).collect();
    let mut problems = Vec::new();
    for &gateway in names.iter().filter(|&&name| !numbers.contains_key(name)) {
        problems.push(NumberProblem::NotNumbered { gateway: gateway.clone() });
    }
    for (name, &number) in &numbers {
        if !names.contains(name) {
            let owner = NumberOwner { gateway: name.clone(), uplink: None };
            problems.push(NumberProblem::NotRetired { owner, place: lock.place(number) });
        }
    }
    // mesh.yaml knows one uplink a gateway for now.
    for (owner, number) in lock.uplinks() {
        problems.push(NumberProblem::NotRetired { owner, place: lock.place(number) });
    }
    problems.extend(room::check(&mesh.tunnels, u32::from(lock.highest())));
    if problems.is_empty() { Ok(NumberedMesh { mesh, numbers }) } else { Err(problems) }
}

fn kind(owner: &NumberOwner) -> &'static str {
    if owner.uplink.is_none() { "gateway" } else { "uplink" }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resolve;
    use crate::spec::parse;

    fn mesh(network: &str, ports: &str) -> Mesh {
        let lan = |name: &str, third: u8| {
            let certificate = crate::primitives::Fingerprint::of_der(name.as_bytes());
            format!(
                "  {name}:\n    networks: [192.168.{third}.0/24]\n    gateways:\n      {name}-gw: \
                 {{ endpoint: {name}.example.net, address: 192.168.{third}.1, \
                 certificates: [\"{certificate}\"] }}\n"
            )
        };
        let lans = lan("a", 1) + &lan("b", 2);
        let text =
            format!("mesh: m\ntunnels: {{ network: {network}, ports: {ports} }}\nlans:\n{lans}");
        resolve(parse(&text)).unwrap().mesh
    }

    fn lock(lines: &str) -> Lock {
        let header = Lock::default().to_string();
        Lock::parse(&(header + lines)).unwrap()
    }

    #[test]
    fn numbers_fit_up_to_the_last_address_and_port() {
        let up_to = |last: u16| {
            let removed: Vec<_> = (2..last).map(|n| format!("{n} x removed\n")).collect();
            lock(&format!("1 a-gw\n{}{last} b-gw\n", removed.concat()))
        };
        // A /29 has six addresses for gateways; a range of seven ports six after the first.
        let small = mesh("172.19.0.0/29", "11000-11006");
        let six = up_to(6);
        let numbers = number(&small, &six).unwrap().numbers;
        assert_eq!(numbers.values().map(|n| n.get()).collect::<Vec<_>>(), [1, 6]);
        let problems = number(&small, &up_to(7)).unwrap_err();
        let hints: Vec<_> = problems
            .iter()
            .map(|problem| problem.finding(&Places::default()))
            .map(|finding| (finding.code, finding.hint.unwrap()))
            .collect();
        let (network, ports) = (Code::TunnelNetworkTooSmall, Code::PortRangeTooSmall);
        let first = (network, "it needs a /28 or larger".to_owned());
        assert_eq!(hints, [first, (ports, "it needs 11000-11007 or more".to_owned())]);
        // What is proposed is enough.
        assert!(number(&mesh("172.19.0.0/28", "11000-11007"), &up_to(7)).is_ok());
    }

    #[test]
    fn both_sides_must_know_the_same_gateways() {
        let mesh = mesh("172.19.0.0/16", "11000-11999");
        let lines = "1 a-gw\n2 c-gw\n3 a-gw/lte\n";
        let problems = number(&mesh, &lock(lines)).unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "gateway b-gw has no number in mesh.lock",
                "mesh.lock numbers gateway c-gw, which is not in mesh.yaml",
                "mesh.lock numbers uplink a-gw/lte, which is not in mesh.yaml"
            ]
        );
    }
}
