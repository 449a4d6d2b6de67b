//! Every seed of `tests/fuzz/seeds/`, which holds what fuzzing found as well, through its parser.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs, unreachable_pub)]

#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("bundle", targets::bundle),
    ("gateway", targets::gateway),
    ("key", targets::key),
    ("lang", targets::lang),
    ("lock", targets::lock),
    ("manifest", targets::manifest),
    ("mesh", targets::mesh),
    ("metadata", targets::metadata),
    ("state", targets::state),
    ("url", targets::url),
];

fn names(directory: &str, of: impl Fn(&Path) -> String) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| of(&entry.unwrap().path())).collect();
    names.sort();
    names
}

#[test]
fn every_target_has_seeds_and_is_replayed() {
    let replayed: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names("tests/fuzz/fuzz_targets", stem), replayed);
    assert_eq!(names("tests/fuzz/seeds", stem), replayed);
    for (name, target) in TARGETS {
        let seeds = names(&format!("tests/fuzz/seeds/{name}"), |path| path.display().to_string());
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            target(&bytes);
            // And cut off, wherever.
            for length in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
                target(&bytes[..length]);
            }
        }
    }
}
