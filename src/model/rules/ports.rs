//! The ports of the tunnels are theirs alone, and need no root.

use crate::model::draft::Draft;
use crate::spec::{Code, Finding};

/// The first port that every user may listen on (RFC 6335 §6).
const FIRST_USER_PORT: u16 = 1024;

pub(super) fn check(draft: &Draft, findings: &mut Vec<Finding>) {
    let Some(ports) = draft.ports else { return };
    let range = ports.value;
    for reserved in &draft.reserved {
        let Some(port) =
            reserved.port.filter(|port| (range.first..=range.last).contains(&port.value))
        else {
            continue;
        };
        let message = format!(
            "reserved port {} ({}) is one of the tunnels' ports {}-{}",
            port.value, reserved.reason, range.first, range.last
        );
        let finding = Finding::new(Code::ReservedPort, port.place, message);
        let finding = finding.label("reserved").related(ports.place, "the tunnels' ports");
        findings.push(finding.hint("choose a range without it"));
    }
    if range.first < FIRST_USER_PORT {
        let message = format!(
            "the tunnels' ports {}-{} begin below {FIRST_USER_PORT}, where only root may listen",
            range.first, range.last
        );
        let finding = Finding::new(Code::PrivilegedPort, ports.place, message);
        findings.push(finding.hint(
            "OpenVPN runs without privileges: choose a range from 1024 up, such as 11000-11999",
        ));
    }
}
