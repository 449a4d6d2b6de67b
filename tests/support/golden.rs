//! Files in the repository that a test makes: compared, or written with TIELINE_UPDATE=1.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::path::Path;

/// Fails unless the file holds `content`. With TIELINE_UPDATE=1 in the environment it is made to.
pub fn check(path: &Path, content: &str) {
    if std::env::var_os("TIELINE_UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == content,
        "{} is stale; run TIELINE_UPDATE=1 cargo test and look at the difference.\n\
         --- stored\n{stored}\n--- now\n{content}",
        path.display()
    );
}

/// Fails if the file is there. With TIELINE_UPDATE=1 in the environment it is removed.
pub fn absent(path: &Path) {
    if std::env::var_os("TIELINE_UPDATE").is_some_and(|value| value == "1") {
        std::fs::remove_file(path).unwrap();
        return;
    }
    assert!(!path.exists(), "{} is stale; run TIELINE_UPDATE=1 cargo test", path.display());
}
