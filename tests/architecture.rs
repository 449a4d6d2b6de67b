//! The layers of ARCHITECTURE.md: which module may import which. Reads the sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

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
    ("reconcile", &["host", "tuf", "bundle", "lang", "primitives"]),
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
    let file = syn::parse_file(text).expect("a source file that parses");
    let mut imports = Imports { module, found: BTreeSet::new() };
    imports.visit_file(&file);
    let known: BTreeSet<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
    imports
        .found
        .iter()
        .filter(|name| **name != own && known.contains(name.as_str()))
        .filter(|name| !allowed.contains(&name.as_str()))
        .map(|name| format!("{}: {own} -> {name}", path.display()))
        .collect()
}

/// Collects the top-level modules that a file names.
struct Imports {
    /// Where in the module tree the visitor stands, from the crate's root.
    module: Vec<String>,
    found: BTreeSet<String>,
}

impl Imports {
    /// Takes a path that begins with `crate`, `self`, `super` or the crate's name.
    fn add(&mut self, segments: &[String]) {
        let mut at = match segments.first().map(String::as_str) {
            Some("crate" | "tieline") => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            _ => return,
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" | "tieline" => {}
                "super" => drop(at.pop()),
                name => at.push(name.to_owned()),
            }
        }
        self.found.extend(at.into_iter().next());
    }

    fn add_tree(&mut self, prefix: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            // A glob at the root would bring every module within reach under any name.
            syn::UseTree::Glob(_) if matches!(prefix, [root] if root == "crate" || root == "tieline") =>
            {
                self.found.extend(ALLOWED.iter().map(|(name, _)| (*name).to_owned()));
            }
            syn::UseTree::Glob(_) => self.add(prefix),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_tree(prefix, tree));
            }
        }
    }

    /// Paths inside macro calls are tokens, not syntax.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 => path.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.add(&path);
                    path = vec![name.to_string()];
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                _ => {}
            }
            colons = 0;
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.add(&segments);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
        syn::visit::visit_macro(self, call);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let test_only = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        });
        if test_only {
            return;
        }
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }
}

/// The module path of a source file: `src/host/files.rs` is `host::files`.
fn module_path(file: &Path) -> Vec<String> {
    let relative = file.strip_prefix("src").expect("a file in src/").with_extension("");
    let mut path: Vec<_> =
        relative.iter().map(|part| part.to_str().expect("a name in UTF-8").to_owned()).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// Every Rust file below `directory`.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
