//! Findings: problems of mesh.yaml and mesh.lock, as data.

use super::{Code, Place};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is built from this file.
    Error,
    /// Worth a look; everything works without.
    Warning,
}

/// One problem, with every place that has to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of problem it is; says how bad it is, too.
    pub code: Code,
    /// What is wrong, naming the LAN, gateway and value concerned, in one line.
    pub message: String,
    /// Where to look first; nowhere where a whole file is missing.
    pub primary: Option<Label>,
    /// What else is part of it, such as the other side of a conflict.
    pub related: Vec<Label>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A place, and what it has to do with the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// A few words; none where the message says it all.
    pub text: String,
}

impl Finding {
    /// A finding about `place`.
    #[must_use]
    pub fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        let primary = Some(Label { place, text: String::new() });
        Self { code, message: message.into(), primary, related: Vec::new(), hint: None }
    }

    /// A finding about something that is nowhere, such as a missing file.
    #[must_use]
    pub fn nowhere(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), primary: None, related: Vec::new(), hint: None }
    }

    /// The same finding, with a few words beside its place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// The same finding, with another place that is part of it.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push(Label { place, text: text.into() });
        self
    }

    /// The same finding, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }
}

/// Puts findings into the order of the file, so that a report reads from top to bottom.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| finding.primary.as_ref().map(|label| label.place);
        (key(a), a.code, &a.message).cmp(&(key(b), b.code, &b.message))
    });
}
