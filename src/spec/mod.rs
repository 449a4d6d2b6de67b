//! mesh.yaml and the files it includes, as written: their shape, the places of their values, and what
//! is wrong with either.
//!
//! Nothing is judged here that needs to know what a value means: that is what `model` is for.

mod code;
mod decode;
mod finding;
mod include;
mod node;
mod parse;
mod place;
mod reader;
mod schema;
mod suggest;
mod types;

pub use crate::primitives::{Printable, is_plain};
pub use code::Code;
pub use decode::{MAX_BYTES, decode};
pub use finding::{Finding, Label, Severity, sort};
pub use include::{BadInclude, IncludePattern, MAX_INCLUDED};
pub use parse::{Parsed, parse};
pub use place::{Place, Placed, SourceFile};
pub use schema::{included_schema, mesh_schema};
pub use suggest::closest;
pub use types::{GatewaySpec, IncludedSpec, LanSpec, MeshSpec, ReservedSpec, TunnelsSpec};
