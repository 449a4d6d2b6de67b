//! YAML as a tree in which every value knows its place.
//!
//! A tree first and types afterwards, because serde stops at the first thing it cannot take,
//! and an administrator wants to hear of all of them.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, Location, Options, Spanned, Tagged};

use super::{Code, Finding, Placed, Printable, SourceFile};

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A plain scalar that YAML takes for a number, as written.
    Number(String),
    /// Any other scalar.
    Text(String),
    /// A list.
    Sequence(Vec<Placed<Node>>),
    /// Keys as written, with their values, in the order of the file, duplicates included.
    Mapping(Vec<(Placed<String>, Placed<Node>)>),
}

impl Node {
    /// What it is, in the words of an administrator.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Reads one YAML document. The file may nest no deeper and have no more values than the largest
/// mesh imaginable; aliases are refused, so nothing can be larger than it looks.
pub(super) fn read(text: &Text, findings: &mut Vec<Finding>) -> Result<Placed<Node>, Box<Finding>> {
    match serde_saphyr::from_str_with_options::<RawNode>(text.source, options()) {
        Ok(raw) => Ok(placed(text, raw, findings)),
        Err(error) => Err(Box::new(explain(text, error.without_snippet()))),
    }
}

/// The text of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) file: SourceFile,
    pub(super) source: &'a str,
}

/// mesh.yaml nests seven levels deep; nobody needs twenty.
const MAX_DEPTH: usize = 20;

/// Keys, values, lists and mappings together. A thousand LANs have about 16,000.
const MAX_NODES: usize = 200_000;

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_anchors: 0,
            max_aliases: 0,
            max_documents: 1,
        },
        // Both keys are wanted for the message.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // Tags are reported as what they are, instead of being obeyed.
        ignore_binary_tag_for_string: true,
        // `no` is a fine name for a gateway in Norway.
        strict_booleans: true,
        with_snippet: false,
    }
}

/// A value with its tag and its place.
type RawNode = Spanned<Tagged<Raw>>;

/// A value as serde hands it out.
enum Raw {
    Null,
    Bool(bool),
    Number,
    Text(String),
    Sequence(Vec<RawNode>),
    Mapping(Vec<(RawNode, RawNode)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Raw::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = mapping.next_key()? {
            entries.push((key, mapping.next_value()?));
        }
        Ok(Raw::Mapping(entries))
    }
}

/// The tree with the places its values have in `text`. Recursion ends at [`MAX_DEPTH`].
fn placed(text: &Text, raw: RawNode, findings: &mut Vec<Finding>) -> Placed<Node> {
    let (raw, range) = untagged(text, raw, findings);
    let node = match raw {
        Raw::Null => Node::Null,
        Raw::Bool(value) => Node::Bool(value),
        Raw::Number => Node::Number(written(text, &range)),
        Raw::Text(value) => Node::Text(value),
        Raw::Sequence(items) => {
            Node::Sequence(items.into_iter().map(|item| placed(text, item, findings)).collect())
        }
        Raw::Mapping(entries) => Node::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| (key_text(text, key, findings), placed(text, value, findings)))
                .collect(),
        ),
    };
    Placed::new(node, text.file.place(range))
}

/// A key as text: `10` and `no` are names like any other.
fn key_text(text: &Text, key: RawNode, findings: &mut Vec<Finding>) -> Placed<String> {
    let (key, range) = untagged(text, key, findings);
    let key = match key {
        Raw::Text(key) => key,
        _ => written(text, &range),
    };
    Placed::new(key, text.file.place(range))
}

/// A value without its tag. Tags are reported: one changes what a value is without that being
/// seen, and `!include` would be passed over in silence.
fn untagged(text: &Text, raw: RawNode, findings: &mut Vec<Finding>) -> (Raw, Range<usize>) {
    let range = bytes_of(text.source, raw.referenced);
    let Tagged(value, tag) = raw.value;
    if let Some(tag) = tag {
        let tag = tag.replacen("tag:yaml.org,2002:", "!!", 1);
        let message = format!("the tag `{}` is not used in mesh.yaml", Printable(&tag));
        let finding = Finding::new(Code::YamlFeature, text.file.place(range.clone()), message);
        findings.push(finding.hint("write the value without it"));
    }
    (value, range)
}

fn written(text: &Text, range: &Range<usize>) -> String {
    text.source.get(range.clone()).unwrap_or_default().to_owned()
}

/// The bytes of a place; always within `source` and on character boundaries.
fn bytes_of(source: &str, location: Location) -> Range<usize> {
    let span = location.span();
    let bytes = span.byte_offset().zip(span.byte_len());
    let exact = bytes.and_then(|(start, length)| {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        source.get(start..end).map(|_| start..end)
    });
    exact.unwrap_or_else(|| {
        // Errors of the scanner count characters only.
        let skipped = usize::try_from(span.offset()).unwrap_or(usize::MAX);
        let start = source.char_indices().nth(skipped).map_or(source.len(), |(start, _)| start);
        start..start
    })
}

/// An error of the YAML reader in our words.
fn explain(text: &Text, error: &Error) -> Finding {
    use serde_saphyr::budget::BudgetBreach as Breach;
    let range = error.location().map_or(0..0, |place| bytes_of(text.source, place));
    let place = text.file.place(range);
    let Error::Budget { breach, .. } = error else {
        let message = format!("this is not YAML: {}", without_place(&error.to_string()));
        return Finding::new(Code::Syntax, place, message);
    };
    match breach {
        Breach::Anchors { .. } | Breach::Aliases { .. } => {
            Finding::new(Code::YamlFeature, place, "anchors and aliases are not used in mesh.yaml")
                .hint("write the value out")
        }
        Breach::Documents { .. } => {
            Finding::new(Code::YamlFeature, place, "a second YAML document begins here")
                .hint("a mesh is one document: remove this line, or what follows")
        }
        Breach::Depth { .. } => {
            let message = format!("the file nests deeper than {MAX_DEPTH} levels");
            Finding::new(Code::TooComplex, place, message)
        }
        _ => {
            let message = format!("the file has more than {MAX_NODES} values");
            Finding::new(Code::TooComplex, place, message)
        }
    }
}

/// A message of the YAML reader without the line and column it ends with: the report has them.
fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message)
}
