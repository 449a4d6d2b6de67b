//! Prefixes.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::spec::{Code, Finding, Placed, Printable};

/// Ranges that no network of a mesh can have (IANA IPv4 Special-Purpose Address Registry).
const UNUSABLE: [(Ipv4Net, &str); 4] = [
    (Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 8), "this network"),
    (Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8), "loopback"),
    (Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4), "multicast"),
    (Ipv4Net::new_assert(Ipv4Addr::new(240, 0, 0, 0), 4), "never to be used"),
];

/// A prefix of `of`, such as "LAN lyon". One with host bits is reported and goes on without them,
/// so that its overlaps are reported in the same run.
pub(in crate::model) fn prefix(
    of: &str,
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<Ipv4Net>> {
    let shown = Printable(&text.value);
    // One spelling only: 010.0.0.0/8 is 8.0.0.0/8 to some programs and 10.0.0.0/8 to others.
    let parsed = text.value.parse().ok();
    let Some(network) = parsed.filter(|network: &Ipv4Net| network.to_string() == text.value) else {
        findings.push(not_a_prefix(of, text));
        return None;
    };
    if network.addr() != network.network() {
        let message = format!("{of}: {shown} has bits set beyond its length");
        let finding = Finding::new(Code::HostBits, text.place, message);
        findings.push(finding.hint(format!("did you mean {}?", network.trunc())));
    }
    let network = network.trunc();
    for (range, what) in UNUSABLE {
        if range.contains(&network) || network.contains(&range) {
            let message = format!("{of}: {network} has addresses of {range} ({what})");
            findings.push(Finding::new(Code::UnusablePrefix, text.place, message));
            return None;
        }
    }
    Some(Placed::new(network, text.place))
}

fn not_a_prefix(of: &str, text: &Placed<String>) -> Finding {
    let written = text.value.trim();
    let shown = Printable(&text.value);
    if written.parse::<Ipv6Net>().is_ok() || written.parse::<Ipv6Addr>().is_ok() {
        let message = format!("{of}: {shown}: IPv6 is not supported yet by this version");
        return Finding::new(Code::NotSupported, text.place, message);
    }
    let message = format!("{of}: `{shown}` is not an IPv4 prefix");
    let finding = Finding::new(Code::BadPrefix, text.place, message);
    match meant(written) {
        Some(network) => finding.hint(format!("did you mean {network}?")),
        None => finding.hint("write address/length, such as 192.168.10.0/24"),
    }
}

/// What a text that is almost a prefix was probably meant to be.
fn meant(written: &str) -> Option<Ipv4Net> {
    let (address, length) = written.split_once('/').unwrap_or((written, ""));
    let address: Ipv4Addr = address.trim().parse().ok()?;
    if let Ok(mask) = length.trim().parse::<Ipv4Addr>() {
        return Ipv4Net::with_netmask(address, mask).ok().map(|network| network.trunc());
    }
    let length = length.trim().parse().unwrap_or(match address.octets() {
        // Trailing zeros are how people write the length by heart.
        [_, 0, 0, 0] => 8,
        [_, _, 0, 0] => 16,
        [_, _, _, 0] => 24,
        _ => 32,
    });
    Ipv4Net::new(address, length).ok().map(|network| network.trunc())
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    fn read(text: &str) -> (Option<Ipv4Net>, Option<Code>, String) {
        let (value, code, hint) = judge(text, |text, findings| prefix("LAN x", text, findings));
        (value.map(|placed| placed.value), code, hint)
    }

    #[test]
    fn reads_prefixes() {
        for good in ["10.0.0.0/8", "192.168.10.0/24", "192.168.10.1/32", "172.16.0.0/31"] {
            assert_eq!(read(good), (good.parse().ok(), None, String::new()));
        }
    }

    #[test]
    fn goes_on_without_host_bits() {
        let (network, code, hint) = read("192.168.10.5/24");
        assert_eq!(network, "192.168.10.0/24".parse().ok());
        assert_eq!(code, Some(Code::HostBits));
        assert_eq!(hint, "did you mean 192.168.10.0/24?");
    }

    #[test]
    fn guesses_what_was_meant() {
        for (text, meant) in [
            ("192.168.10.0", "192.168.10.0/24"),
            ("10.20.0.0", "10.20.0.0/16"),
            ("10.0.0.0", "10.0.0.0/8"),
            ("10.0.0.7", "10.0.0.7/32"),
            ("192.168.10.0/255.255.255.0", "192.168.10.0/24"),
            ("192.168.10.0/024", "192.168.10.0/24"),
            (" 192.168.10.0 / 24", "192.168.10.0/24"),
        ] {
            let (network, code, hint) = read(text);
            assert_eq!((network, code), (None, Some(Code::BadPrefix)), "{text}");
            assert_eq!(hint, format!("did you mean {meant}?"));
        }
        for text in ["", "lan", "10.0.0.0/33", "10.0.0/24", "10.0.0.256/24", "010.0.0.0/8", "/24"] {
            let (network, code, hint) = read(text);
            assert_eq!((network, code), (None, Some(Code::BadPrefix)), "{text}");
            assert!(hint.starts_with("write address/length"), "{text}: {hint}");
        }
    }

    #[test]
    fn refuses_what_no_lan_can_have() {
        for text in ["0.0.0.0/0", "127.0.0.0/24", "0.1.0.0/16", "224.0.0.0/24", "192.0.0.0/2"] {
            assert_eq!(read(text).1, Some(Code::UnusablePrefix), "{text}");
        }
        for text in ["fd00::/8", "::", "::ffff:10.0.0.0/104"] {
            assert_eq!(read(text).1, Some(Code::NotSupported), "{text}");
        }
    }
}
