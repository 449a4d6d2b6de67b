//! The trusted metadata on disk.

use camino::{Utf8Path, Utf8PathBuf};

use super::Paths;
use crate::host::{FileError, Files, Mode};
use crate::tuf::{Role, Stored};

/// Far more than the metadata of any mesh, in bytes. What is too large here was not written here.
const LIMIT: u64 = 64 << 20;

/// What this gateway trusts: what earlier updates left in the state directory, or else the root it
/// was provisioned with.
pub(super) fn load(files: &dyn Files, paths: &Paths) -> Result<Stored, FileError> {
    let kept = |role: Role| match files.read(&place(&paths.state, role), LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    };
    let root = match kept(Role::Root)? {
        Some(root) => root,
        None => provisioned(files, paths)?,
    };
    Ok(Stored {
        root,
        timestamp: kept(Role::Timestamp)?,
        snapshot: kept(Role::Snapshot)?,
        targets: kept(Role::Targets)?,
    })
}

/// The root this gateway was provisioned with.
pub(super) fn provisioned(files: &dyn Files, paths: &Paths) -> Result<Vec<u8>, FileError> {
    files.read(&paths.root, LIMIT)
}

/// Makes the disk hold what is trusted now, root first: whatever a crash leaves of it is a state
/// that the next update goes on from.
pub(super) fn save(
    files: &dyn Files,
    paths: &Paths,
    before: &Stored,
    now: &Stored,
) -> Result<(), FileError> {
    let changes = now.changes_since(before);
    if changes.is_empty() {
        return Ok(());
    }
    let directory = directory(&paths.state);
    files.create_dir(&directory)?;
    for (role, bytes) in changes {
        let place = place(&paths.state, role);
        if let Some(bytes) = bytes {
            files.replace(&place, bytes, Mode::Public)?;
        } else {
            files.remove(&place)?;
            files.sync_dir(&directory)?;
        }
    }
    Ok(())
}

fn directory(state: &Utf8Path) -> Utf8PathBuf {
    state.join("metadata")
}

fn place(state: &Utf8Path, role: Role) -> Utf8PathBuf {
    directory(state).join(role.file_name())
}
