//! What docs/faults.md and SECURITY.md promise is tested: every file and test they name is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

use std::fs;
use std::path::Path;

/// The words in backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_name(word: &str) -> bool {
    word.contains('_')
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_rust(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn the_tests_that_are_named_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for document in ["docs/faults.md", "SECURITY.md"] {
        for line in fs::read_to_string(root.join(document)).unwrap().lines() {
            let mut source: Option<(&str, String)> = None;
            for word in quoted(line) {
                if is_rust(word) && (word.starts_with("tests/") || word.starts_with("src/")) {
                    let text = fs::read_to_string(root.join(word));
                    let text = text.unwrap_or_else(|_| panic!("{document} names {word}"));
                    source = Some((word, text));
                    count += 1;
                } else if let Some((file, text)) = source.as_ref().filter(|_| is_name(word)) {
                    assert!(
                        text.contains(&format!("fn {word}(")),
                        "{document}: {word} is not in {file}"
                    );
                    count += 1;
                }
            }
        }
    }
    assert!(count > 100, "{count}");
}
