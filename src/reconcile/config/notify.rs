//! Who gets to know what a run did: the log, node_exporter, commands of the administrator's own.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Where a run that has something to tell of writes it down, besides its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogTo {
    /// The journal where there is one, otherwise syslog where there is one
    #[default]
    Auto,
    /// systemd's journal, with fields of its own for release and outcome
    Journal,
    /// syslog, by /dev/log
    Syslog,
    /// Nowhere
    None,
}

/// A program of this gateway's administrator with its arguments. No shell is involved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The program, an absolute path.
    pub program: Utf8PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl<'de> Deserialize<'de> for Hook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut words = Vec::<String>::deserialize(deserializer)?.into_iter();
        let program = words.next().map(Utf8PathBuf::from).filter(|program| program.is_absolute());
        let program = program.ok_or_else(|| {
            D::Error::custom(
                "a command is a list: a program by its absolute path, then its arguments",
            )
        })?;
        Ok(Self { program, arguments: words.collect() })
    }
}

impl JsonSchema for Hook {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hook".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A program by its absolute path, then its arguments",
            "type": "array",
            "minItems": 1,
            "prefixItems": [{ "type": "string", "pattern": "^/" }],
            "items": { "type": "string" },
        })
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program)
    }
}

/// The file for node_exporter, which reads no others than `*.prom`.
pub(super) fn metrics_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Utf8PathBuf>, D::Error> {
    let Some(path) = Option::<Utf8PathBuf>::deserialize(deserializer)? else { return Ok(None) };
    if !path.is_absolute() || Utf8Path::new(&path).extension() != Some("prom") {
        return Err(D::Error::custom(format!(
            "metrics is the absolute path of a file whose name ends in .prom, not {path:?}: \
             node_exporter reads no others"
        )));
    }
    Ok(Some(path))
}

pub(super) fn metrics_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^/.*\\.prom$" })
}
