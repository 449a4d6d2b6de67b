//! No circle among the parts of a module: each part can be read with nothing but those below it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;

use super::imports::{imports, is_for_tests, leaves, module_path, sources};

/// Modules whose direct parts (a file, or a folder with all that is in it) import one another in
/// one direction only.
const WITHOUT_CIRCLES: &[&str] = &[
    "publish",
    "reconcile",
    "reconcile::units",
    "tuf",
    "tuf::client",
    "tuf::repository",
    "tuf::repository::root",
];

/// The part that a module's own file is, where it defines something itself.
const OWN: &str = "mod.rs";

/// The text of every source file, by module path.
type Sources = BTreeMap<Vec<String>, String>;

#[test]
fn parts_of_a_module_form_no_circle() {
    let read = |file: PathBuf| (module_path(&file), std::fs::read_to_string(&file).unwrap());
    let files: Sources = sources(Path::new("src")).into_iter().map(read).collect();
    let found: Vec<_> = WITHOUT_CIRCLES.iter().flat_map(|module| circles(module, &files)).collect();
    assert!(found.is_empty(), "modules that import one another in a circle:\n{}", found.join("\n"));
}

#[test]
fn a_planted_circle_is_found_however_it_is_written() {
    for (one, two) in [
        ("use super::two::X;", "use super::one::Y;"),
        ("use crate::planted::two::X;", "use crate::planted::one;"),
        ("fn f() { crate::planted::two::x() }", "fn f() { println!(\"{}\", super::one::Y) }"),
        ("#[serde(with = \"super::two\")] struct S;", "#[a(b = \"super::one::c\")] fn f() {}"),
        // Under the name that mod.rs gives it, public or not.
        ("use super::{Shared, X};", "use super::Y;"),
        ("use crate::planted::{X as Z};", "mod inner { use super::super::Y; }"),
        // Whoever takes everything takes its neighbours as well.
        ("use super::*;", "use super::one::Y;"),
        ("use crate::planted;", "use super::one::Y;"),
    ] {
        let found = planted("pub use one::Y; use two::X; mod one; mod two;", one, two);
        assert_eq!(found.as_deref(), Some("planted: one -> two -> one"), "{one} {two}");
    }
}

#[test]
fn a_circle_through_a_modules_own_file_is_found() {
    let own = "mod one; mod two; use one::Y; pub struct Own(Y);";
    let found = planted(own, "use super::Own;", "");
    assert_eq!(found.as_deref(), Some("planted: mod.rs -> one -> mod.rs"));
    // To pass something on is not to need it.
    assert_eq!(planted("mod one; pub use one::Y; pub struct Own;", "use super::Own;", ""), None);
    let borrowed = "mod one; use super::X; pub fn own(_: one::Y) {}";
    assert_eq!(planted(borrowed, "use super::X;", ""), None);
}

#[test]
fn a_circle_of_three_is_found_below_folders() {
    let files = [
        ("src/planted/mod.rs", ""),
        ("src/planted/a.rs", "use super::b;"),
        ("src/planted/b/mod.rs", "mod deep;"),
        ("src/planted/b/deep.rs", "use crate::planted::c::C;"),
        ("src/planted/c.rs", "mod below;"),
        ("src/planted/c/below.rs", "use super::super::a::A;"),
        ("src/planted/d.rs", "use super::a::A;"),
    ];
    assert_eq!(found_in(&files).as_deref(), Some("planted: a -> b -> c -> a"));
}

#[test]
fn one_direction_and_tests_are_no_circle() {
    let one =
        "use super::two::X; use std::fmt; pub(super) fn f() {} #[cfg(test)] use super::two::Y;";
    let two = "use other::one; #[cfg(test)] mod tests { use super::super::one::Y; }
               #[cfg(test)] fn f() { super::one::y() }";
    assert_eq!(planted("mod one; mod two;", one, two), None);
    let files = [
        ("src/planted/mod.rs", "mod one; mod two;"),
        ("src/planted/one.rs", "use super::two::X;"),
        ("src/planted/two.rs", "#[cfg(test)] mod tests;"),
        ("src/planted/two/tests.rs", "use super::super::one::Y;"),
        ("src/planted/two/tests/more.rs", "use crate::planted::one::Y;"),
    ];
    assert_eq!(found_in(&files), None);
}

fn planted(own: &str, one: &str, two: &str) -> Option<String> {
    let (one, two) = (("src/planted/one.rs", one), ("src/planted/two.rs", two));
    found_in(&[("src/planted/mod.rs", own), one, two])
}

fn found_in(files: &[(&str, &str)]) -> Option<String> {
    let read = |(path, text): &(&str, &str)| (module_path(Path::new(path)), (*text).to_owned());
    let found = circles("planted", &files.iter().map(read).collect());
    assert!(found.len() < 2, "{found:?}");
    found.into_iter().next()
}

/// The circles among the direct parts of `module`, each as short as it can be.
fn circles(module: &str, files: &Sources) -> Vec<String> {
    let place: Vec<String> = module.split("::").map(str::to_owned).collect();
    let arrows = arrows(&place, files);
    let (mut known, mut found) = (BTreeSet::new(), Vec::new());
    for circle in arrows.keys().filter_map(|part| way_back(part, &arrows)) {
        if known.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
            found.push(format!("{module}: {}", circle.join(" -> ")));
        }
    }
    found
}

/// For every direct part of the module at `place`, the parts that it imports.
fn arrows(place: &[String], files: &Sources) -> BTreeMap<String, BTreeSet<String>> {
    let tests = test_modules(files);
    let of_tests = |path: &Vec<String>| tests.iter().any(|test| path.starts_with(test));
    let within = |path: &Vec<String>| path.starts_with(place) && !of_tests(path);
    let files: Vec<_> = files.iter().filter(|(path, _)| within(path)).collect();
    let part_of = |path: &[String]| path.get(place.len()).cloned();
    let parts: BTreeSet<_> = files.iter().filter_map(|(path, _)| part_of(path)).collect();

    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut passed_on = BTreeMap::new();
    if let Some((_, text)) = files.iter().find(|(path, _)| **path == place) {
        let (names, needs) = own_file(text, &parts);
        passed_on = names;
        arrows.insert(OWN.to_owned(), needs);
    }
    for (path, text) in files {
        let Some(from) = part_of(path) else { continue };
        for named in imports(path.clone(), text) {
            let Some(rest) = named.strip_prefix(place) else { continue };
            let to = match rest.first().map(String::as_str) {
                // The whole module: any part of it.
                None | Some("*") => parts.clone(),
                Some(part) if parts.contains(part) => [part.to_owned()].into(),
                Some(item) => match passed_on.get(item) {
                    Some(from) => from.iter().cloned().collect(),
                    None => [OWN.to_owned()].into(),
                },
            };
            arrows.entry(from.clone()).or_default().extend(to.into_iter().filter(|to| *to != from));
        }
    }
    arrows
}

/// From which of its parts a module's own file has the names that it brings in, none for those
/// from elsewhere; and which parts the items need that it defines itself.
fn own_file(
    text: &str,
    parts: &BTreeSet<String>,
) -> (BTreeMap<String, Option<String>>, BTreeSet<String>) {
    let file = syn::parse_file(text).expect("a source file that parses");
    let mut passed_on = BTreeMap::new();
    for item in &file.items {
        let syn::Item::Use(item) = item else { continue };
        for (path, name) in leaves(&item.tree) {
            let from = path.into_iter().find(|segment| segment != "self");
            passed_on.insert(name, from.filter(|from| parts.contains(from)));
        }
    }
    let mut names = Names(BTreeSet::new());
    let is_own = |item: &&syn::Item| !matches!(item, syn::Item::Use(_) | syn::Item::Mod(_));
    file.items.iter().filter(is_own).for_each(|item| names.visit_item(item));
    let part = |name: &String| parts.get(name).or_else(|| passed_on.get(name)?.as_ref()).cloned();
    let needs = names.0.iter().filter_map(part).collect();
    (passed_on, needs)
}

/// The first segments of all paths in something.
struct Names(BTreeSet<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.extend(path.segments.first().map(|segment| segment.ident.to_string()));
        syn::visit::visit_path(self, path);
    }
}

/// The modules that are declared for tests only and have files of their own.
fn test_modules(files: &Sources) -> Vec<Vec<String>> {
    let mut modules = Vec::new();
    for (path, text) in files {
        let items = syn::parse_file(text).expect("a source file that parses").items;
        modules.extend(items.into_iter().filter_map(|item| match item {
            syn::Item::Mod(item) if is_for_tests(&item.attrs) => {
                Some([path.as_slice(), &[item.ident.to_string()]].concat())
            }
            _ => None,
        }));
    }
    modules
}

/// The shortest way from a part back to itself.
fn way_back(part: &str, arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![part.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way.last().and_then(|last| arrows.get(last)).into_iter().flatten() {
                let further = [way.as_slice(), std::slice::from_ref(next)].concat();
                if next == part {
                    return Some(further);
                }
                if seen.insert(next.clone()) {
                    longer.push(further);
                }
            }
        }
        ways = longer;
    }
    None
}
