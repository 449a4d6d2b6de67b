//! Single values: from text to what it means, or a finding.

mod address;
mod certificate;
mod choice;
mod endpoint;
mod name;
mod ports;
mod prefix;
mod public_key;

pub(super) use address::address;
pub(super) use certificate::certificates;
pub(super) use choice::{routing, topology};
pub(super) use endpoint::endpoint;
pub(super) use name::name;
pub(super) use ports::{port, port_range};
pub(super) use prefix::prefix;
pub(super) use public_key::public_keys;

#[cfg(test)]
mod testing {
    use crate::spec::{Code, Finding, Place, Placed};

    /// Reads `text` with `read` and hands back the value, the code of the finding and its hint.
    pub(super) fn judge<T>(
        text: &str,
        read: impl FnOnce(&Placed<String>, &mut Vec<Finding>) -> Option<T>,
    ) -> (Option<T>, Option<Code>, String) {
        let mut findings = Vec::new();
        let placed = Placed::new(text.to_owned(), Place::mesh(0..text.len()));
        let value = read(&placed, &mut findings);
        assert!(findings.len() <= 1, "{findings:?}");
        let hint = findings.first().and_then(|finding| finding.hint.clone()).unwrap_or_default();
        (value, findings.first().map(|finding| finding.code), hint)
    }
}
