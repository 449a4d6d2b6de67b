//! Findings for people: the message, the source lines of every place, what to do.

use std::collections::{BTreeMap, BTreeSet};

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Sources, counted};
use crate::spec::{Finding, Label, Severity, SourceFile, is_plain};

/// Findings that are printed; nobody reads on, and the summary has the count of all.
const MOST_SHOWN: usize = 100;

/// The findings with their source lines, as rustc prints errors, and a summary in the last line.
/// Control characters from the files do not reach the terminal.
#[must_use]
pub fn findings_text(findings: &[Finding], sources: &Sources, coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for finding in findings.iter().take(MOST_SHOWN) {
        text.push_str(&renderer.render(&[group(finding, sources)]));
        text.push_str("\n\n");
    }
    if findings.len() > MOST_SHOWN {
        let more = findings.len() - MOST_SHOWN;
        text.push_str("… and ");
        text.push_str(&more.to_string());
        text.push_str(" more, all of them with --format json\n\n");
    }
    text + &format!("{}: {}\n", escaped(&files(findings, sources)), summary(findings))
}

/// The names of the files that the findings are about.
fn files(findings: &[Finding], sources: &Sources) -> String {
    let places = findings.iter().filter_map(|finding| finding.primary.as_ref());
    let files: BTreeSet<_> = places.map(|label| label.place.file).collect();
    if files.is_empty() { sources.mesh.name.clone() } else { sources.names(files) }
}

/// How many findings there are: "2 errors, 1 warning".
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let parts: Vec<_> = [(errors, "error"), (findings.len() - errors, "warning")]
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, what)| counted(count, what))
        .collect();
    if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
}

fn group<'a>(finding: &'a Finding, sources: &'a Sources) -> Group<'a> {
    let level = match finding.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(escaped(&finding.message)).id(finding.code.as_str());
    let mut group = Group::with_title(title).elements(snippets(finding, sources));
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.message(escaped(hint)));
    }
    group
}

/// One snippet a file, that of the primary place first.
fn snippets<'a>(finding: &'a Finding, sources: &'a Sources) -> Vec<Snippet<'a, Annotation<'a>>> {
    let Some(primary) = &finding.primary else { return Vec::new() };
    let mut related: BTreeMap<SourceFile, Vec<&Label>> = BTreeMap::new();
    for label in &finding.related {
        related.entry(label.place.file).or_default().push(label);
    }
    let same = related.remove(&primary.place.file).unwrap_or_default();
    let others = related.values().map(|labels| snippet(None, labels, sources));
    std::iter::once(snippet(Some(primary), &same, sources)).chain(others).collect()
}

fn snippet<'a>(
    primary: Option<&'a Label>,
    related: &[&'a Label],
    sources: &'a Sources,
) -> Snippet<'a, Annotation<'a>> {
    let labels = primary.into_iter().chain(related.iter().copied());
    let Some(first) = labels.clone().map(|label| label.place).min() else {
        return Snippet::source("");
    };
    let source = sources.of(first.file);
    // The renderer walks through the text it is given, so it is given no more than it needs.
    let last = labels.map(|label| source.range(label.place).end).max().unwrap_or_default();
    let before = source.text.get(..source.range(first).start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let rest = source.text.get(last..).unwrap_or_default();
    let end = last + rest.find('\n').unwrap_or(rest.len());
    let window = source.text.get(start..end).unwrap_or_default();
    let mut snippet = Snippet::source(masked(window))
        .path(escaped(&source.name))
        .line_start(before.matches('\n').count() + 1);
    let annotate = |kind: AnnotationKind, label: &'a Label| {
        let range = source.range(label.place);
        let annotation =
            kind.span(range.start.saturating_sub(start)..range.end.saturating_sub(start));
        let text = Some(escaped(&label.text)).filter(|text| !text.is_empty());
        annotation.label(text)
    };
    if let Some(primary) = primary {
        snippet = snippet.annotation(annotate(AnnotationKind::Primary, primary));
    }
    snippet.annotations(related.iter().map(|label| annotate(AnnotationKind::Context, label)))
}

/// Words with their control characters escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) { escaped.push(c) } else { escaped.extend(c.escape_unicode()) }
    }
    escaped
}

/// Source lines with what could command a terminal masked, by characters of the same length, so
/// that places stay where they are. The renderer masks ASCII control characters itself.
fn masked(source: &str) -> String {
    let mask = |c: char| match (is_plain(c), c.len_utf8()) {
        (true, _) | (false, 1) => c,
        (false, 2) => '·',
        (false, _) => char::REPLACEMENT_CHARACTER,
    };
    source.chars().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Source;
    use crate::spec::{Code, Place};

    fn sources(mesh: &str) -> Sources {
        let mesh = Source { name: "mesh.yaml".to_owned(), text: mesh.to_owned() };
        Sources { mesh, ..Sources::default() }
    }

    #[test]
    fn counts() {
        let place = Place::mesh(0..0);
        let error = Finding::new(Code::Overlap, place, "");
        let warning = Finding::new(Code::WellKnownRange, place, "");
        assert_eq!(summary(&[]), "no problems");
        assert_eq!(summary(std::slice::from_ref(&error)), "1 error");
        assert_eq!(summary(&[error.clone(), warning.clone(), error]), "2 errors, 1 warning");
        assert_eq!(summary(&[warning.clone(), warning]), "2 warnings");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = "mesh: \"\u{1b}]0;owned\u{7}\u{202e}\u{9b}31m\"\n";
        let finding = Finding::new(Code::BadName, Place::mesh(6..20), text).hint(text).label(text);
        let plain = findings_text(&[finding], &sources(text), false);
        let allowed = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        assert!(plain.chars().all(allowed), "{plain:?}");
    }

    #[test]
    fn colours_only_when_asked() {
        let finding = Finding::new(Code::BadName, Place::mesh(0..4), "no");
        let sources = sources("mesh: x\n");
        assert!(!findings_text(std::slice::from_ref(&finding), &sources, false).contains('\u{1b}'));
        assert!(findings_text(&[finding], &sources, true).contains('\u{1b}'));
    }

    #[test]
    fn places_outside_the_text_do_not_panic() {
        let sources = sources("ä\n");
        for (start, end) in [(1, 2), (5, 9), (9, 5), (0, 99)] {
            let place = Place { file: crate::spec::SourceFile::Mesh, start, end };
            let finding = Finding::new(Code::BadName, place, "no")
                .related(Place::mesh(77..78), "x")
                .related(Place::lock(0..3), "y");
            assert!(findings_text(&[finding], &sources, true).contains("no"));
        }
    }

    #[test]
    fn a_flood_of_findings_is_cut() {
        let finding = Finding::new(Code::BadName, Place::mesh(0..1), "no");
        let text = findings_text(&vec![finding; 5000], &sources("x\n"), false);
        assert!(text.contains("… and 4900 more"));
        assert!(text.ends_with("mesh.yaml: 5000 errors\n"));
    }
}
