//! A mesh has at least two LANs.

use crate::model::draft::Draft;
use crate::spec::{Code, Finding};

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    // Where something could not be read there may be more of them.
    if findings.iter().any(Finding::is_error) {
        return;
    }
    // No LAN at all is an error of its own.
    if let [only] = draft.lans.as_slice() {
        let message = format!("LAN {} is alone: there is nothing to connect", only.label.value);
        findings.push(Finding::new(Code::NothingToConnect, only.label.place, message));
    }
}
