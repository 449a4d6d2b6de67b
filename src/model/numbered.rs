//! A mesh together with the numbers of its gateways.

use std::collections::BTreeMap;

use super::Mesh;
use crate::primitives::{GatewayNumber, Name};

/// A checked mesh in which every gateway has its number from mesh.lock, the tunnel network an
/// address and the port range a port for each. Nothing after this fails for the user's fault.
#[derive(Debug, Clone)]
pub struct NumberedMesh<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// The number of every gateway of the mesh, and of no other.
    pub numbers: BTreeMap<Name, GatewayNumber>,
}
