//! Taking a tree of YAML apart, noting everything that is not as it should be and going on.

use std::collections::HashMap;
use std::fmt::Display;

use super::node::Node;
use super::{Code, Finding, Place, Placed, Printable, closest};

/// The entries of a mapping whose keys are known beforehand.
///
/// The keys that are asked for are the keys there are: what nobody asked for is reported by
/// [`close`](Self::close).
pub(super) struct Fields {
    owner: String,
    place: Place,
    entries: Vec<(Placed<String>, Placed<Node>)>,
    known: Vec<&'static str>,
    /// Keys that are not there, with an example of each.
    missing: Vec<(&'static str, String)>,
}

impl Fields {
    /// The fields of `owner`, such as "gateway perth", which is named at `place`.
    pub(super) fn open(
        owner: impl Into<String>,
        place: Place,
        node: Placed<Node>,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let owner = owner.into();
        let entries = mapping(&owner, node, findings)?;
        Some(Self { owner, place, entries, known: Vec::new(), missing: Vec::new() })
    }

    /// Takes the value of a key that may be missing.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Placed<Node>> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, _)| name.value == key)?;
        Some(self.entries.remove(at).1)
    }

    /// Takes the value of a key that must be there; `example` shows how it is written.
    pub(super) fn required(&mut self, key: &'static str, example: &str) -> Option<Placed<Node>> {
        let value = self.optional(key);
        if value.is_none() {
            self.missing.push((key, example.to_owned()));
        }
        value
    }

    /// Reports a key that the format will have one day, if it is there.
    pub(super) fn later(&mut self, key: &'static str, what: &str, findings: &mut Vec<Finding>) {
        let Some(at) = self.entries.iter().position(|(name, _)| name.value == key) else { return };
        let (name, _) = self.entries.remove(at);
        let owner = &self.owner;
        let message = format!("{owner}: `{key}` ({what}) is not supported yet by this version");
        findings.push(Finding::new(Code::NotSupported, name.place, message));
    }

    /// Reports the keys that are left and those that are missing: a key that is only mistyped is
    /// one problem, not two.
    pub(super) fn close(mut self, findings: &mut Vec<Finding>) {
        for (key, _) in self.entries {
            let message = format!("{} has no key `{}`", self.owner, Printable(&key.value));
            let finding = Finding::new(Code::UnknownKey, key.place, message);
            let hint = if key.value == "<<" {
                "mesh.yaml has no merge keys: write the entries out".to_owned()
            } else if let Some(meant) = closest(&key.value, self.known.iter().copied()) {
                self.missing.retain(|(missing, _)| *missing != meant);
                format!("did you mean `{meant}`?")
            } else {
                format!("there are {}", list_of(&self.known))
            };
            findings.push(finding.hint(hint));
        }
        for (key, example) in self.missing {
            let message = format!("{} has no `{key}`", self.owner);
            let finding = Finding::new(Code::MissingKey, self.place, message);
            findings.push(finding.hint(format!("add `{key}: {example}`")));
        }
    }
}

/// The entries of a mapping whose keys are names; of a key that stands there twice, the first.
pub(super) fn mapping(
    what: &impl Display,
    node: Placed<Node>,
    findings: &mut Vec<Finding>,
) -> Option<Vec<(Placed<String>, Placed<Node>)>> {
    let Node::Mapping(entries) = node.value else {
        findings.push(wrong_type(what, "a mapping", &node));
        return None;
    };
    let mut first: HashMap<String, Place> = HashMap::new();
    let mut kept = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if let Some(&earlier) = first.get(&key.value) {
            let message = format!("`{}` stands twice in {what}", Printable(&key.value));
            let finding = Finding::new(Code::DuplicateKey, key.place, message);
            findings.push(finding.label("again here").related(earlier, "first here"));
        } else {
            first.insert(key.value.clone(), key.place);
            kept.push((key, value));
        }
    }
    Some(kept)
}

/// The entries of a list that needs at least one.
pub(super) fn list(
    what: &impl Display,
    example: &str,
    node: Placed<Node>,
    findings: &mut Vec<Finding>,
) -> Vec<Placed<Node>> {
    let Node::Sequence(items) = node.value else {
        findings.push(wrong_type(what, "a list", &node).hint(format!("write {example}")));
        return Vec::new();
    };
    if items.is_empty() {
        let finding = Finding::new(Code::Empty, node.place, format!("{what} is empty"));
        findings.push(finding.hint(format!("write {example}")));
    }
    items
}

/// A text.
pub(super) fn text(
    what: &impl Display,
    node: &Placed<Node>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<String>> {
    let finding = wrong_type(what, "text", node);
    let finding = match &node.value {
        Node::Text(text) => return Some(Placed::new(text.clone(), node.place)),
        Node::Number(written) => finding.hint(format!("write it in quotes: \"{written}\"")),
        Node::Bool(value) => finding.hint(format!("write it in quotes: \"{value}\"")),
        _ => finding,
    };
    findings.push(finding);
    None
}

/// A number, as written.
pub(super) fn number(
    what: &impl Display,
    node: &Placed<Node>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<String>> {
    if let Node::Number(written) = &node.value {
        return Some(Placed::new(written.clone(), node.place));
    }
    findings.push(wrong_type(what, "a number", node));
    None
}

/// `true` or `false`.
pub(super) fn flag(
    what: &impl Display,
    node: &Placed<Node>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<bool>> {
    if let Node::Bool(value) = node.value {
        return Some(Placed::new(value, node.place));
    }
    findings.push(wrong_type(what, "true or false", node));
    None
}

fn wrong_type(what: &impl Display, expected: &str, node: &Placed<Node>) -> Finding {
    let message = format!("{what} must be {expected}, not {}", node.value.kind());
    Finding::new(Code::WrongType, node.place, message)
}

/// "`a`, `b` and `c`".
fn list_of(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "no keys".to_owned(),
    }
}
