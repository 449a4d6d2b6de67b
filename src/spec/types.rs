//! The shape of mesh.yaml. Doc comments of fields are what editors show, by way of
//! `schema/mesh.schema.json`.
//!
//! Values are as written, not yet judged. What is missing here although mesh.yaml needs it has
//! been reported where it was read.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::{IncludePattern, Placed, schema};
use crate::primitives::{Fingerprint, Name, PublicKey};

/// A mesh of LANs, tied together by Tieline.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename = "Mesh",
    extend("anyOf" = [{ "required": ["lans"] }, { "required": ["include"] }])
)]
pub struct MeshSpec {
    /// What the mesh is called.
    #[schemars(with = "Name")]
    pub mesh: Option<Placed<String>>,
    /// Where the tunnels take their addresses and ports from.
    #[schemars(with = "TunnelsSpec")]
    pub tunnels: Option<TunnelsSpec>,
    /// What is in use elsewhere: nothing of the mesh may touch it.
    #[schemars(with = "Vec<ReservedSpec>", default, extend("default" = []))]
    pub reserved: Vec<ReservedSpec>,
    /// Every LAN of the mesh, by its name; with `include`, those that stand in no other file.
    #[schemars(with = "Option<BTreeMap<Name, LanSpec>>", extend("type" = "object", "minProperties" = 1))]
    pub lans: Vec<LanSpec>,
    /// Files that have LANs of this mesh, such as `lans/*.yaml`: one path or a list of them, from the
    /// directory of this file, in which `*` stands for any part of one name. In which file a LAN
    /// stands means nothing.
    #[schemars(with = "schema::Include", default)]
    pub include: Vec<Placed<IncludePattern>>,
    /// Which LANs have tunnels to which.
    #[schemars(with = "schema::Topology", default)]
    pub topology: Option<Placed<String>>,
    /// How the routes between LANs come about.
    #[schemars(with = "schema::Routing", default)]
    pub routing: Option<Placed<String>>,
}

/// A file that mesh.yaml includes: some of the LANs of the mesh.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Included")]
pub struct IncludedSpec {
    /// LANs of the mesh, by their names, as in mesh.yaml.
    #[schemars(with = "BTreeMap<Name, LanSpec>", extend("minProperties" = 1))]
    pub lans: Vec<LanSpec>,
}

/// Where the tunnels take their addresses and ports from.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Tunnels")]
pub struct TunnelsSpec {
    /// The tunnel network: gateway number n has its n-th address. It must be private and used for
    /// nothing else; a /16 has room for 65,534 gateways.
    #[schemars(with = "schema::Prefix")]
    pub network: Option<Placed<String>>,
    /// The UDP ports of the tunnels, first-last: a gateway listens for peer number n on the first
    /// port + n. Open this range in firewalls.
    #[schemars(with = "schema::Ports")]
    pub ports: Option<Placed<String>>,
}

/// A network or a port that is in use outside the mesh.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename = "Reserved",
    extend("oneOf" = [{ "required": ["network"] }, { "required": ["port"] }])
)]
pub struct ReservedSpec {
    /// A network that nothing of the mesh may overlap.
    #[schemars(with = "Option<schema::Prefix>", extend("type" = "string"))]
    pub network: Option<Placed<String>>,
    /// A UDP port that no tunnel may use.
    #[schemars(with = "Option<schema::Port>", extend("type" = "integer"))]
    pub port: Option<Placed<String>>,
    /// What uses it.
    #[schemars(with = "schema::Reason")]
    pub reason: Option<Placed<String>>,
}

/// A private network: an office, a data centre, a VPC.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Lan")]
pub struct LanSpec {
    /// What it is called: its key in `lans`.
    #[schemars(skip)]
    pub name: Placed<String>,
    /// Its prefixes. Every other LAN gets a route to each of them.
    #[schemars(with = "Vec<schema::Prefix>", length(min = 1))]
    pub networks: Vec<Placed<String>>,
    /// The Linux hosts that terminate its tunnels, by their names. Exactly one for now; its name
    /// must be unique over the whole mesh.
    #[schemars(
        with = "BTreeMap<Name, GatewaySpec>",
        extend("minProperties" = 1, "maxProperties" = 1)
    )]
    pub gateways: Vec<GatewaySpec>,
    /// Says that this LAN may have networks that are not private (RFC 1918), because the addresses
    /// belong to you. Somebody else's addresses would become unreachable from the whole mesh.
    #[schemars(
        with = "bool",
        default,
        rename = "public-addresses",
        extend("default" = false)
    )]
    pub public_addresses: Option<Placed<bool>>,
}

/// A Linux host that terminates the tunnels of its LAN.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Gateway")]
pub struct GatewaySpec {
    /// What it is called: its key in `gateways`.
    #[schemars(skip)]
    pub name: Placed<String>,
    /// The IPv4 address or DNS name at which other gateways reach it, or `none` where nobody can
    /// (behind NAT), so that it calls the others.
    #[schemars(with = "schema::EndpointText")]
    pub endpoint: Option<Placed<String>>,
    /// Its own IPv4 address inside its LAN.
    #[schemars(with = "schema::Address")]
    pub address: Option<Placed<String>>,
    /// The certificates it may present, as `tieline enroll` prints them: the current one and,
    /// during a rotation, the next.
    #[schemars(with = "Vec<Fingerprint>", length(min = 1, max = 2))]
    pub certificates: Vec<Placed<String>>,
    /// Its X25519 public keys, as `tieline enroll` prints them: the current one and, during a
    /// rotation, the next. Nothing uses them yet.
    #[schemars(with = "Vec<PublicKey>", default, rename = "public-keys", length(min = 1, max = 2))]
    pub public_keys: Vec<Placed<String>>,
}
