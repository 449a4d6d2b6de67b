//! What runs left behind that were killed while they wrote a file.

use crate::host::{FileError, Files, Kind, TEMPORARY};
use crate::reconcile::config::Paths;

/// Removes it from the directories that are ours. Nobody writes there but who holds the lock, which the
/// caller does.
pub(super) fn remove(files: &dyn Files, paths: &Paths) -> Result<(), FileError> {
    let (state, run) = (&paths.state, &paths.run);
    // OpenVPN's user may write in the last one: of what is there, only files are ours.
    let (ours, shared) = ([state, &state.join("generations"), run], run.join("openvpn"));
    for directory in ours.into_iter().chain([&shared]) {
        let names = files.list(directory)?;
        for name in names.iter().filter(|name| name.starts_with(TEMPORARY)) {
            let path = directory.join(name);
            let is_file = matches!(files.kind(&path)?, Some(Kind::File { .. }));
            if is_file || *directory != shared {
                files.remove(&path)?;
            }
        }
    }
    Ok(())
}
