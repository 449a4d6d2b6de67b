//! The layers of ARCHITECTURE.md: which module may import which, and no circle inside of one. Reads
//! the sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/documented.rs"]
mod documented;
#[path = "architecture/imports.rs"]
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::{imports, module_path, sources};

/// For every top-level module of `src/`, the modules it may import. Nothing else is allowed.
const ALLOWED: &[(&str, &[&str])] = &[
    ("primitives", &[]),
    ("spec", &["primitives"]),
    ("model", &["spec", "primitives"]),
    ("plan", &["model", "primitives"]),
    ("lang", &["primitives"]),
    ("render", &["plan", "lang", "primitives"]),
    ("bundle", &["primitives"]),
    ("tuf", &["bundle", "primitives"]),
    ("compile", &["spec", "model", "plan", "render", "bundle", "primitives"]),
    ("host", &["primitives"]),
    ("identity", &["host", "primitives"]),
    ("publish", &["tuf", "bundle", "host", "primitives"]),
    // A gateway does not know mesh.yaml: never spec, model, plan or render.
    ("reconcile", &["host", "identity", "tuf", "bundle", "lang", "primitives"]),
    ("lab", &["spec", "model", "host", "primitives"]),
    ("report", &["spec", "model", "plan", "primitives"]),
    (
        "cli",
        &[
            "primitives",
            "spec",
            "model",
            "plan",
            "render",
            "bundle",
            "tuf",
            "compile",
            "host",
            "identity",
            "publish",
            "reconcile",
            "lab",
            "report",
        ],
    ),
    ("main", &["cli", "host"]),
    ("lib", &[]),
];

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut forbidden = Vec::new();
    for file in sources(Path::new("src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        forbidden.extend(forbidden_imports(&file, &text));
    }
    assert!(forbidden.is_empty(), "arrows the design does not allow:\n{}", forbidden.join("\n"));
}

#[test]
fn every_module_has_its_place() {
    let named: BTreeSet<_> = ALLOWED.iter().map(|(module, _)| (*module).to_owned()).collect();
    let present: BTreeSet<_> =
        sources(Path::new("src")).iter().map(|f| module_path(f)[0].clone()).collect();
    assert_eq!(present, named, "modules in src/ and in the table of this test");
}

#[test]
fn layers_have_no_cycle() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    for (module, below) in ALLOWED {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = below.to_vec();
        while let Some(reached) = next.pop() {
            assert_ne!(reached, *module, "{module} reaches itself");
            if seen.insert(reached) {
                next.extend(allowed[reached]);
            }
        }
    }
}

#[test]
fn a_planted_arrow_is_found_however_it_is_written() {
    let planted = [
        "use crate::spec::Finding;",
        "use crate::{primitives::Name, spec};",
        "use crate::{host, model as m};",
        "fn f() -> crate::plan::Plan { loop {} }",
        "fn f() { let _ = crate::render::render; }",
        "fn f() { println!(\"{}\", crate::model::x()); }",
        "use super::super::spec::Finding;",
        "mod inner { use super::super::super::plan::Plan; }",
        "pub use tieline::spec::Finding;",
    ];
    for text in planted {
        let found = forbidden_imports(Path::new("src/reconcile/planted.rs"), text);
        assert_eq!(found.len(), 1, "{text} -> {found:?}");
        assert!(found[0].starts_with("src/reconcile/planted.rs: reconcile -> "), "{found:?}");
    }
}

#[test]
fn a_glob_at_the_root_is_every_arrow_at_once() {
    let found = forbidden_imports(Path::new("src/reconcile/planted.rs"), "use crate::*;");
    assert!(found.contains(&"src/reconcile/planted.rs: reconcile -> spec".to_owned()), "{found:?}");
}

#[test]
fn allowed_arrows_and_tests_are_left_alone() {
    let fine = "use crate::host::Files; use super::policy; use self::inner::X; use std::fmt;
                use spec::nothing_of_ours;
                #[cfg(test)] mod tests { use crate::compile; }";
    assert_eq!(forbidden_imports(Path::new("src/reconcile/fine.rs"), fine), Vec::<String>::new());
}

/// What the file at `path` with content `text` imports although its module must not.
fn forbidden_imports(path: &Path, text: &str) -> Vec<String> {
    let module = module_path(path);
    let own = module[0].clone();
    let (_, allowed) =
        ALLOWED.iter().find(|(name, _)| *name == own).expect("a module in the table");
    let known: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut found = BTreeSet::new();
    for path in imports(module, text) {
        match path.first().map(String::as_str) {
            // A glob at the root would bring every module within reach under any name.
            Some("*") => found.extend(known.iter().cloned()),
            Some(name) => drop(found.insert(name.to_owned())),
            None => {}
        }
    }
    found
        .iter()
        .filter(|name| **name != own && known.contains(*name))
        .filter(|name| !allowed.contains(&name.as_str()))
        .map(|name| format!("{}: {own} -> {name}", path.display()))
        .collect()
}
