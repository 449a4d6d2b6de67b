//! The checked mesh: what mesh.yaml says once every rule holds, and the numbers of mesh.lock.

mod draft;
mod lock;
mod mesh;
mod numbered;
mod places;
mod read;
mod resolve;
mod room;
mod rules;

pub use lock::{Lock, NumberOwner, Update};
pub use mesh::{Endpoint, Gateway, Lan, Mesh, TunnelRange};
pub use numbered::{NumberProblem, NumberedMesh, number};
pub use places::Places;
pub use resolve::{Resolved, resolve};
