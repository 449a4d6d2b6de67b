//! Of two gateways, at least one can be reached.

use crate::model::draft::{Draft, DraftGateway};
use crate::spec::{Code, Finding};

/// Places shown of one finding; more would bury the message.
const MOST_SHOWN: usize = 8;

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    let hidden = |gateway: &&DraftGateway| {
        gateway.endpoint.as_ref().is_some_and(|endpoint| endpoint.value.is_none())
    };
    let hidden: Vec<_> = draft.gateways().map(|(_, gateway)| gateway).filter(hidden).collect();
    let [first, others @ .., last] = hidden.as_slice() else { return };
    let message = match others.len() {
        0 => format!(
            "gateways {} and {} both have no endpoint: neither can call the other",
            first.label.value, last.label.value
        ),
        more => format!(
            "gateways {}, {} and {more} more have no endpoint: none of them can call another",
            first.label.value, last.label.value
        ),
    };
    let place = |gateway: &DraftGateway| {
        gateway.endpoint.as_ref().map_or(gateway.label.place, |endpoint| endpoint.place)
    };
    let mut finding = Finding::new(Code::NoEndpoints, place(last), message);
    for gateway in hidden.iter().take((hidden.len() - 1).min(MOST_SHOWN)) {
        finding = finding.related(place(gateway), "no endpoint here either");
    }
    findings.push(finding.hint(
        "they would need a transit LAN, which this version does not support yet: \
         give all but one of them an endpoint",
    ));
}
