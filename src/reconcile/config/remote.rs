//! The `remotes` of gateway.yaml: a URL, or a URL with what it takes to be let in.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::host::git::Remote;

/// Reads the list, and refuses options that do not fit their URL.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Remote>, D::Error> {
    let entries = Vec::<Entry>::deserialize(deserializer)?;
    if entries.is_empty() {
        return Err(D::Error::custom(
            "remotes must name at least one place that releases come from",
        ));
    }
    Ok(entries.into_iter().map(|entry| entry.0).collect())
}

/// What editors are told.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let path = json_schema!({ "type": "string", "pattern": "^/" });
    json_schema!({
        "type": "array",
        "minItems": 1,
        "items": {
            "oneOf": [
                { "type": "string", "description": "the URL of a git repository" },
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["url"],
                    "properties": {
                        "url": { "type": "string", "description": "the URL of a git repository" },
                        "ssh_key": path,
                        "known_hosts": path,
                        "ca": path,
                        "token_file": path,
                    },
                },
            ],
        },
    })
}

struct Entry(Remote);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the URL of a git repository, or a mapping with url")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Entry, E> {
        let remote = Remote::new(text.parse().map_err(E::custom)?);
        checked(remote)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        checked(Remote::deserialize(MapAccessDeserializer::new(map))?)
    }
}

fn checked<E: Error>(remote: Remote) -> Result<Entry, E> {
    remote.check().map_err(E::custom)?;
    Ok(Entry(remote))
}
