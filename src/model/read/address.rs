//! A gateway's address inside its LAN.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::spec::{Code, Finding, Placed, Printable};

/// The address of `gateway`.
pub(in crate::model) fn address(
    gateway: Printable<'_>,
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<Ipv4Addr>> {
    let shown = Printable(&text.value);
    if let Ok(address) = text.value.parse() {
        return Some(Placed::new(address, text.place));
    }
    if text.value.parse::<Ipv6Addr>().is_ok() {
        let message = format!(
            "gateway {gateway}: address {shown}: IPv6 is not supported yet by this version"
        );
        findings.push(Finding::new(Code::NotSupported, text.place, message));
        return None;
    }
    let message = format!("gateway {gateway}: `{shown}` is not an IPv4 address");
    let finding = Finding::new(Code::BadAddress, text.place, message);
    let before_slash = text.value.split('/').next().unwrap_or_default();
    findings.push(match before_slash.parse::<Ipv4Addr>() {
        Ok(address) => finding.hint(format!("write the address without its length: {address}")),
        Err(_) => finding.hint("write four numbers from 0 to 255, such as 192.168.10.1"),
    });
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    #[test]
    fn reads_addresses() {
        let read =
            |text: &str| judge(text, |text, findings| address(Printable("g"), text, findings));
        assert_eq!(read("10.0.0.1").0.unwrap().value, Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(read("10.0.0.1/24").2, "write the address without its length: 10.0.0.1");
        assert_eq!(read("::1").1, Some(Code::NotSupported));
        for bad in ["", "10.0.0", "10.0.0.256", "010.0.0.1", "host", "10.0.0.1 "] {
            assert_eq!(read(bad).1, Some(Code::BadAddress), "{bad:?}");
        }
    }
}
