//! What single values of mesh.yaml look like, for editors. The rules in `model` judge them; a
//! pattern here only has to be right about what it refuses.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{IncludedSpec, MeshSpec};

/// The JSON Schema of mesh.yaml, as text: what `schema/mesh.schema.json` holds.
#[must_use]
pub fn mesh_schema() -> Schema {
    let mut schema = schemars::schema_for!(MeshSpec);
    schema.insert("title".to_owned(), "mesh.yaml".into());
    schema
}

/// The JSON Schema of a file that mesh.yaml includes: what `schema/lans.schema.json` holds.
#[must_use]
pub fn included_schema() -> Schema {
    let mut schema = schemars::schema_for!(IncludedSpec);
    schema.insert("title".to_owned(), "LANs included by mesh.yaml".into());
    schema
}

/// One number from 0 to 255 (RFC 6943 §3.1.1, strict form).
const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

/// Declares marker types that stand for texts in the schema and nowhere else.
macro_rules! value_schemas {
    ($($(#[doc = $doc:literal])+ $name:ident => $schema:expr;)+) => { $(
        $(#[doc = $doc])+
        pub(super) enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+ };
}

value_schemas! {
    /// An IPv4 prefix.
    Prefix => json_schema!({
        "type": "string",
        "pattern": format!("^{OCTET}(\\.{OCTET}){{3}}/(3[0-2]|[12]?[0-9])$"),
        "examples": ["192.168.10.0/24"],
    });
    /// An IPv4 address.
    Address => json_schema!({
        "type": "string",
        "pattern": format!("^{OCTET}(\\.{OCTET}){{3}}$"),
        "examples": ["192.168.10.1"],
    });
    /// An address, a DNS name, or `none`.
    EndpointText => json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\\.?$",
        "maxLength": 254,
        "examples": ["vpn.example.net", "203.0.113.10", "none"],
    });
    /// First and last port.
    Ports => json_schema!({
        "type": "string",
        "pattern": "^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$",
        "examples": ["11000-11999"],
    });
    /// A port.
    Port => json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 });
    /// A few words.
    Reason => json_schema!({ "type": "string", "minLength": 1 });
    /// One pattern of files, or several.
    Include => json_schema!({
        "anyOf": [
            include_pattern(),
            { "type": "array", "items": include_pattern(), "minItems": 1 },
        ],
        "examples": ["lans/*.yaml"],
    });
    /// Which LANs have tunnels to which.
    Topology => json_schema!({
        "type": "string",
        "enum": ["full-mesh"],
        "default": "full-mesh",
    });
    /// How routes come about.
    Routing => json_schema!({ "type": "string", "enum": ["static"], "default": "static" });
}

/// A path below the directory of mesh.yaml.
fn include_pattern() -> Schema {
    json_schema!({
        "type": "string",
        "pattern": r"^[^/~\\][^\\]*$",
        "not": { "pattern": r"(^|/)\.{0,2}(/|$)|\*\*" },
        "maxLength": 4095,
    })
}
