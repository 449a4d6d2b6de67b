//! Ports and ranges of ports.

use crate::model::mesh::PortRange;
use crate::spec::{Code, Finding, Placed, Printable};

/// The range of the tunnels, written first-last.
pub(in crate::model) fn port_range(
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<PortRange>> {
    let shown = Printable(&text.value);
    let mut refuse = |why: &str| {
        let message = format!("`ports` of `tunnels`: `{shown}` {why}");
        let finding = Finding::new(Code::BadPorts, text.place, message);
        findings.push(finding.hint("write first-last, such as 11000-11999"));
        None
    };
    let Some((first, last)) = text.value.split_once('-') else {
        return refuse("is not a range");
    };
    let (Some(first), Some(last)) = (number(first), number(last)) else {
        return refuse("is not a range of ports from 1 to 65535");
    };
    if last <= first {
        return refuse("ends before it has room for a port");
    }
    Some(Placed::new(PortRange { first, last }, text.place))
}

/// A port that is reserved.
pub(in crate::model) fn port(
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<u16>> {
    let port = number(&text.value);
    if port.is_none() {
        let message = format!("reserved port `{}` is not a port", Printable(&text.value));
        let finding = Finding::new(Code::BadPorts, text.place, message);
        findings.push(finding.hint("ports are whole numbers from 1 to 65535"));
    }
    port.map(|port| Placed::new(port, text.place))
}

/// A port in plain decimal: `010` is 8 to some and 10 to others.
fn number(text: &str) -> Option<u16> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    #[test]
    fn reads_ranges() {
        let range = judge("11000-11999", port_range).0.unwrap().value;
        assert_eq!(range, PortRange { first: 11000, last: 11999 });
        for bad in [
            "", "11000", "11000-", "-1", "0-10", "1-65536", "5-5", "6-5", "1-2-3", "1 - 2", "01-2",
            "+1-2",
        ] {
            assert_eq!(judge(bad, port_range).1, Some(Code::BadPorts), "{bad:?}");
        }
    }

    #[test]
    fn reads_ports() {
        assert_eq!(judge("1194", port).0.unwrap().value, 1194);
        for bad in ["0", "65536", "1.5", "0x10", "010", "-1", "1_000"] {
            assert_eq!(judge(bad, port).1, Some(Code::BadPorts), "{bad:?}");
        }
    }
}
