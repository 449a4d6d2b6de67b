//! The checked mesh: what mesh.yaml says once every rule holds.

mod mesh;
mod numbered;

pub use mesh::{Endpoint, Gateway, Lan, Mesh, TunnelRange};
pub use numbered::NumberedMesh;
