//! The paths that a source file names, read from its syntax.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// Every path that the file of `module` with content `text` names, from the crate's root on; a
/// glob ends with `*`. What only tests see is left out.
pub(super) fn imports(module: Vec<String>, text: &str) -> BTreeSet<Vec<String>> {
    let file = syn::parse_file(text).expect("a source file that parses");
    let mut imports = Imports { module, found: BTreeSet::new() };
    imports.visit_file(&file);
    imports.found
}

/// Collects the paths that a file names.
struct Imports {
    /// Where in the module tree the visitor stands, from the crate's root.
    module: Vec<String>,
    found: BTreeSet<Vec<String>>,
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
        self.found.insert(at);
    }

    /// A path in a string, as serde's attributes have them: `with = "super::x"`.
    fn add_text(&mut self, literal: &str) {
        let Ok(text) = syn::parse_str::<syn::LitStr>(literal) else { return };
        if let Ok(path) = text.parse::<syn::Path>() {
            let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
            self.add(&segments);
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
                TokenTree::Literal(text) => self.add_text(&text.to_string()),
                TokenTree::Punct(_) => {}
            }
            colons = 0;
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (path, _) in leaves(&item.tree) {
            self.add(&path);
        }
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

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }

    /// `pub(super)` says who may use something, and uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
    }
}

/// The paths of one `use`, each with the name that it brings in.
pub(super) fn leaves(tree: &syn::UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        syn::UseTree::Path(path) => {
            let begin = path.ident.to_string();
            let rest = leaves(&path.tree).into_iter();
            rest.map(|(rest, name)| ([vec![begin.clone()], rest].concat(), name)).collect()
        }
        syn::UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        syn::UseTree::Rename(re) => vec![(vec![re.ident.to_string()], re.rename.to_string())],
        syn::UseTree::Glob(_) => vec![(vec!["*".to_owned()], "*".to_owned())],
        syn::UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// Whether something with these attributes is there for tests only: `#[cfg(test)]`.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The module path of a source file: `src/host/files.rs` is `host::files`.
pub(super) fn module_path(file: &Path) -> Vec<String> {
    let relative = file.strip_prefix("src").expect("a file in src/").with_extension("");
    let mut path: Vec<_> =
        relative.iter().map(|part| part.to_str().expect("a name in UTF-8").to_owned()).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// Every Rust file below `directory`.
pub(super) fn sources(directory: &Path) -> Vec<PathBuf> {
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
