//! ARCHITECTURE.md names files and folders that are there, and says truly which of them a kind of unit, a
//! rule of mesh.yaml and a command take.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::imports::sources;

fn text(file: impl AsRef<Path>) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// What stands in backquotes, each of `{a,b}` by itself.
fn quoted(text: &str) -> Vec<String> {
    let words = text.split('`').skip(1).step_by(2).filter(|word| !word.contains([' ', '*']));
    words.flat_map(expanded).collect()
}

fn expanded(word: &str) -> Vec<String> {
    let parts = word.split_once('{').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once('}')?;
        Some(choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect())
    });
    parts.unwrap_or_else(|| vec![word.to_owned()])
}

/// The cells of the rows of the table below a heading.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document.split_once(&format!("\n## {heading}\n")).expect("the heading").1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let cells =
        |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    // The first is the head.
    rows.skip(1).map(cells).collect()
}

#[test]
fn every_file_that_is_named_is_there() {
    let document = text("ARCHITECTURE.md");
    let roots = ["src/", "tests/", "docs/", "schema/", "packaging/", "examples/"];
    let named = quoted(&document)
        .into_iter()
        .filter(|word| roots.iter().any(|root| word.starts_with(root)));
    let missing: Vec<_> = named.filter(|word| !Path::new(word).exists()).collect();
    assert!(missing.is_empty(), "not there: {missing:?}");

    let mut listed = BTreeSet::new();
    for row in table(&document, "Code map") {
        for module in quoted(&row[0]) {
            let place = Path::new("src").join(&module);
            assert!(place.exists(), "{}", place.display());
            listed.insert(module.split(['/', '.']).next().unwrap().to_owned());
            for file in row.get(2).into_iter().flat_map(|cell| quoted(cell)) {
                // A module is a folder, or a file with a folder beside it.
                let beside = place.with_file_name(&file);
                assert!(place.join(&file).exists() || beside.exists(), "{module} {file}");
            }
        }
    }
    let there = Path::new("src").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let there: BTreeSet<_> =
        there.map(name).filter(|name| !["lib", "main"].contains(&name.as_str())).collect();
    assert_eq!(listed, there, "the code map, and the modules there are");
}

/// A file without its tests.
fn production(path: &Path) -> String {
    let text = text(path);
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
}

/// The fifth kind, which only tests have: what knows of it is what the row says.
#[test]
fn a_kind_of_unit_takes_what_is_said() {
    let folder = Path::new("src/reconcile/units/relay");
    let knows = |path: &PathBuf| {
        let text = production(path);
        text.contains("relay::") || text.contains("Relay {") || text.contains("mod relay")
    };
    let knowing = sources(Path::new("src")).into_iter().filter(|path| !path.starts_with(folder));
    let knowing: BTreeSet<_> = knowing.filter(knows).collect();
    let expected = [
        "src/bundle/manifest.rs",
        "src/bundle/unit.rs",
        "src/reconcile/units/kind.rs",
        "src/reconcile/units/mod.rs",
        // The scenes in which it goes through the crash sweep.
        "src/reconcile/run/simulation.rs",
    ];
    assert_eq!(knowing, expected.map(PathBuf::from).into());
}

/// A rule of mesh.yaml and a command are each a file that one list names.
#[test]
fn a_rule_and_a_command_are_a_file_and_a_line() {
    for (folder, list) in [("src/model/rules", "mod.rs"), ("src/cli", "mod.rs")] {
        let folder = Path::new(folder);
        let names = text(folder.join(list));
        for entry in folder.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_stem().unwrap().to_str().unwrap();
            let is_module = entry.extension().is_some_and(|of| of == "rs") || entry.is_dir();
            let listed = names.contains(&format!("mod {name};"));
            assert!(!is_module || name == "mod" || listed, "{}", entry.display());
            let applied = !folder.ends_with("rules") || names.contains(&format!("{name}::check"));
            assert!(name == "mod" || applied, "the rule {name} is not applied");
        }
    }
}
