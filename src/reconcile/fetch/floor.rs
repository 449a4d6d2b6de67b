//! The newest release this gateway has trusted, noted apart from the metadata: if those are lost, a
//! remote can still not pass an older release off as the newest.

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::host::{FileError, Files, Mode};
use crate::primitives::Digest;
use crate::tuf::{TrustError, VerifiedRelease};

/// `floor.json` in the state directory.
///
/// Format 1 is written and read by Tieline 0.1; a note in another format counts as none.
/// Fields that are not known are passed by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Floor {
    format: u32,
    /// The number of the release.
    release: u64,
    /// The keys of timestamp and snapshot that vouched for it. Under others the number says nothing:
    /// whoever stole a key may have made it as high as numbers go (specification 5.3.11).
    keys: Digest,
}

const FORMAT: u32 = 1;
const FILE: &str = "floor.json";
const LIMIT: u64 = 4096;

/// Refuses a release that is older than the newest one this gateway has trusted under the same keys,
/// and notes a newer one.
pub(super) fn check(
    files: &dyn Files,
    state: &Utf8Path,
    release: &VerifiedRelease,
) -> Result<Result<(), TrustError>, FileError> {
    let now = Floor { format: FORMAT, release: release.number(), keys: release.freshness_keys() };
    let content = files.read(&state.join(FILE), LIMIT).unwrap_or_default();
    let noted: Option<Floor> = serde_json::from_slice(&content).ok();
    let noted = noted.filter(|noted| noted.format == FORMAT && noted.keys == now.keys);
    if let Some(noted) = &noted
        && now.release < noted.release
    {
        return Ok(Err(TrustError::Rollback {
            file: "metadata/timestamp.json".to_owned(),
            what: "targets".to_owned(),
            found: now.release,
            trusted: noted.release,
        }));
    }
    if noted.as_ref() != Some(&now) {
        // Serialising it cannot fail: text keys only, no floating-point numbers.
        let content = serde_json::to_vec(&now).unwrap_or_default();
        files.replace(&state.join(FILE), &content, Mode::Public)?;
    }
    Ok(Ok(()))
}
