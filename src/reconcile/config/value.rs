//! Single values of gateway.yaml, checked where they are read so that a mistake has its place.

use camino::Utf8PathBuf;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

pub(super) fn default_deadline() -> u32 {
    60
}

pub(super) fn deadline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    seconds(deserializer, "fetch_deadline", 1)
}

pub(super) fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    seconds(deserializer, "window", 1)
}

pub(super) fn splay<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    seconds(deserializer, "splay", 0)
}

/// At most an hour.
fn seconds<'de, D: Deserializer<'de>>(
    deserializer: D,
    name: &str,
    least: u32,
) -> Result<u32, D::Error> {
    let seconds = u32::deserialize(deserializer).ok();
    seconds.filter(|seconds| (least..=3600).contains(seconds)).ok_or_else(|| {
        let message = format!("{name} is a whole number of seconds from {least} to 3600");
        serde::de::Error::custom(message)
    })
}

/// The length of a path that still leaves room for a socket below it (unix(7): 108 bytes).
const PATH_LIMIT: usize = 80;

pub(super) fn absolute<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Utf8PathBuf, D::Error> {
    let path = Utf8PathBuf::deserialize(deserializer)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.+@".contains(c);
    if !path.is_absolute() || path.components().any(|part| part.as_str() == "..") {
        let message = format!("the path {path:?} must be absolute, from / on and without ..");
        return Err(serde::de::Error::custom(message));
    }
    if path.as_str().len() > PATH_LIMIT || !path.as_str().chars().all(plain) {
        let message = format!(
            "the path {path:?} must have at most {PATH_LIMIT} characters, letters, digits and any \
             of - _ . + @"
        );
        return Err(serde::de::Error::custom(message));
    }
    Ok(path)
}

pub(super) fn absolute_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "pattern": "^/[A-Za-z0-9/_.+@-]*$",
        "maxLength": PATH_LIMIT,
    })
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let parse = |text: String| {
        let network = text.parse::<IpNet>().ok().filter(|network| network.trunc() == *network);
        let message = || format!("{text:?} is no network such as 10.0.0.0/8");
        network.ok_or_else(|| serde::de::Error::custom(message()))
    };
    texts.into_iter().map(parse).collect()
}
