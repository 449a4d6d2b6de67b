//! The `checks` of gateway.yaml: what else has to work here, says whoever runs this gateway.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// The most checks a gateway has.
pub const MOST_CHECKS: usize = 32;

/// Something that has to work, apart from tunnels and remotes. Addresses only: whether a name can
/// be looked up is another question, and one that can take long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The address answers an ICMP echo request.
    Ping(#[serde(deserialize_with = "ping")] IpAddr),
    /// The address accepts a TCP connection.
    Tcp(#[serde(deserialize_with = "tcp")] SocketAddr),
}

fn ping<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    parsed(deserializer, "ping is an address such as 192.168.10.1")
}

fn tcp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parsed(deserializer, "tcp is an address and a port such as 192.168.10.1:443")
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr>(
    deserializer: D,
    wanted: &str,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("{wanted}, not {text:?}")))
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping(address) => write!(f, "ping {address}"),
            Self::Tcp(address) => write!(f, "tcp {address}"),
        }
    }
}

/// Reads the list, and refuses what nobody can answer.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Check>, D::Error> {
    let checks = Vec::<Check>::deserialize(deserializer)?;
    if checks.len() > MOST_CHECKS {
        let message = format!("there are {} checks, and at most {MOST_CHECKS}", checks.len());
        return Err(serde::de::Error::custom(message));
    }
    for check in &checks {
        let (address, port) = match check {
            Check::Ping(address) => (*address, 1),
            Check::Tcp(address) => (address.ip(), address.port()),
        };
        if address.is_unspecified() || address.is_multicast() || port == 0 {
            let message = format!("the check {check} names nobody who could answer");
            return Err(serde::de::Error::custom(message));
        }
    }
    Ok(checks)
}

/// What editors are told.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let check = |name: &str, description: &str| {
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "required": [name],
            "properties": { name: { "type": "string", "description": description } },
        })
    };
    json_schema!({
        "type": "array",
        "maxItems": MOST_CHECKS,
        "items": {
            "oneOf": [
                check("ping", "the address that answers an ICMP echo request"),
                check("tcp", "the address and port that accept a connection"),
            ],
        },
    })
}
