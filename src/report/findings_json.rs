//! Findings for programs: the JSON that `--format json` prints, with a schema in
//! `schema/findings.schema.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Sources;
use super::position::{Position, Positions};
use crate::spec::{Finding, Label, Severity, SourceFile};

/// Every problem of a mesh.yaml, the files it includes and its mesh.lock.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FindingsReport {
    /// How many of the findings are errors; with one or more, nothing is built from this file.
    pub errors: usize,
    /// How many of the findings are warnings.
    pub warnings: usize,
    /// The findings, in the order of the file.
    pub findings: Vec<FindingEntry>,
}

/// One problem.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FindingEntry {
    /// What kind of problem it is, as explained in docs/findings.md. Codes never change.
    #[schemars(regex(pattern = "^[EW][0-9]{4}$"))]
    pub code: &'static str,
    /// How bad it is.
    pub severity: SeverityText,
    /// What is wrong, in one line.
    pub message: String,
    /// Every place that is part of it, the one to look at first in front. None where a whole file
    /// is missing.
    pub places: Vec<PlaceEntry>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityText {
    /// Nothing is built from this file.
    Error,
    /// Worth a look; everything works without.
    Warning,
}

/// A range of a file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PlaceEntry {
    /// The file, as it was given on the command line.
    pub file: String,
    /// The line it begins in.
    pub line: usize,
    /// The column it begins at.
    pub column: usize,
    /// The line it ends in.
    pub end_line: usize,
    /// The column after its last character.
    pub end_column: usize,
    /// What this place has to do with the problem; may be empty.
    pub label: String,
}

impl FindingsReport {
    /// The report of `findings`.
    #[must_use]
    pub fn new(findings: &[Finding], sources: &Sources) -> Self {
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        let positions = sources.all().map(|(file, source)| (file, Positions::of(&source.text)));
        let files = Files { sources, positions: positions.collect() };
        Self {
            errors,
            warnings: findings.len() - errors,
            findings: findings.iter().map(|finding| files.entry(finding)).collect(),
        }
    }
}

/// The files, ready to look places up in.
struct Files<'a> {
    sources: &'a Sources,
    positions: BTreeMap<SourceFile, Positions<'a>>,
}

impl Files<'_> {
    fn entry(&self, finding: &Finding) -> FindingEntry {
        let labels = finding.primary.iter().chain(&finding.related);
        FindingEntry {
            code: finding.code.as_str(),
            severity: match finding.severity() {
                Severity::Error => SeverityText::Error,
                Severity::Warning => SeverityText::Warning,
            },
            message: finding.message.clone(),
            places: labels.map(|label| self.place(label)).collect(),
            hint: finding.hint.clone(),
        }
    }

    fn place(&self, label: &Label) -> PlaceEntry {
        let source = self.sources.of(label.place.file);
        let range = source.range(label.place);
        let positions = self.positions.get(&label.place.file);
        let at = |byte| positions.map_or(Position { line: 1, column: 1 }, |file| file.at(byte));
        let (start, end) = (at(range.start), at(range.end));
        PlaceEntry {
            file: source.name.clone(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            label: label.text.clone(),
        }
    }
}
