//! The `remotes` of gateway.yaml: the URL of a git repository, that with what it takes to be let in,
//! or a mirror on a web server.

use std::fmt;

use camino::Utf8PathBuf;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::host::Source;
use crate::host::git::{Remote, RemoteUrl};
use crate::host::http::{Mirror, MirrorUrl};

/// Reads the list, and refuses options that do not fit their URL.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
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
                {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["mirror"],
                    "properties": {
                        "mirror": {
                            "type": "string",
                            "pattern": "^https?://",
                            "description": "the URL of a directory on a web server that has metadata/ and targets/ in it",
                        },
                        "ca": path,
                    },
                },
            ],
        },
    })
}

struct Entry(Source);

/// Every key that an entry may have. It is one type for both kinds, so that a mistake is told in
/// terms of what was written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    url: Option<RemoteUrl>,
    mirror: Option<MirrorUrl>,
    ssh_key: Option<Utf8PathBuf>,
    known_hosts: Option<Utf8PathBuf>,
    ca: Option<Utf8PathBuf>,
    token_file: Option<Utf8PathBuf>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the URL of a git repository, or a mapping with url or mirror")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Entry, E> {
        git(Remote::new(text.parse().map_err(E::custom)?))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        let keys = Keys::deserialize(MapAccessDeserializer::new(map))?;
        let Keys { url, mirror, ssh_key, known_hosts, ca, token_file } = keys;
        match (url, mirror) {
            (Some(url), None) => {
                git(Remote { ssh_key, known_hosts, ca, token_file, ..Remote::new(url) })
            }
            (None, Some(url)) => {
                let others = [ssh_key, known_hosts, token_file];
                if others.iter().any(Option::is_some) {
                    return Err(A::Error::custom(format!(
                        "{url}: ca is all that a mirror can have"
                    )));
                }
                if ca.is_some() && !url.is_https() {
                    return Err(A::Error::custom(format!("{url}: ca is for https mirrors only")));
                }
                Ok(Entry(Source::Mirror(Mirror { url, ca })))
            }
            _ => Err(A::Error::custom(
                "a remote is either a git repository, with url, or a web server, with mirror",
            )),
        }
    }
}

fn git<E: Error>(remote: Remote) -> Result<Entry, E> {
    remote.check().map_err(E::custom)?;
    Ok(Entry(Source::Git(remote)))
}
