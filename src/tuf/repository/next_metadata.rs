//! What the next snapshot and timestamp say.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use serde_json::Map;

use super::audit::Newest;
use crate::primitives::Digest;
use crate::tuf::Hashes;
use crate::tuf::metadata::{MetaFile, Snapshot, Timestamp, TimestampMeta};

/// The snapshot with `file` as it is now, and all other metadata as they were.
pub(super) fn next_snapshot(newest: Option<&Newest>, file: String, meta: MetaFile) -> Snapshot {
    let empty = || Snapshot { meta: BTreeMap::new(), other: Map::new() };
    let mut next = newest.map_or_else(empty, |newest| newest.snapshot.body.clone());
    next.meta.insert(file, meta);
    next
}

pub(super) fn next_timestamp(newest: Option<&Newest>, snapshot: MetaFile) -> Timestamp {
    match newest {
        Some(newest) => {
            let mut next = newest.timestamp.body.clone();
            next.meta.snapshot = snapshot;
            next
        }
        None => {
            Timestamp { meta: TimestampMeta { snapshot, other: Map::new() }, other: Map::new() }
        }
    }
}

pub(super) fn described(version: NonZeroU64, content: &[u8]) -> MetaFile {
    MetaFile {
        version,
        length: Some(content.len() as u64),
        hashes: Some(Hashes::sha256(Digest::of(content))),
        other: Map::new(),
    }
}
