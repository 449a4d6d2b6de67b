//! Where a gateway is reached from outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Endpoint;
use crate::primitives::{Authority, Name};
use crate::spec::{Code, Finding, Placed, Printable};

/// DNS would allow 253 (RFC 1035 §2.3.4), but OpenVPN does not read lines of more than 254 characters
/// and takes `remote` and a blank for itself.
const MAX_NAME: usize = 247;

/// The endpoint of `gateway`: `Some` of `None` where it says that it has none.
pub(in crate::model) fn endpoint(
    gateway: Printable<'_>,
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<Option<Endpoint>>> {
    let written = text.value.as_str();
    if written == "none" {
        return Some(Placed::new(None, text.place));
    }
    if written.parse::<Ipv6Addr>().is_ok() {
        let message = format!(
            "gateway {gateway}: endpoint {}: IPv6 is not supported yet by this version",
            Printable(written)
        );
        findings.push(Finding::new(Code::NotSupported, text.place, message));
        return None;
    }
    match understand(written) {
        Ok(endpoint) => Some(Placed::new(Some(endpoint), text.place)),
        Err((why, hint)) => {
            let message = format!("gateway {gateway}: endpoint `{}` {why}", Printable(written));
            findings.push(Finding::new(Code::BadEndpoint, text.place, message).hint(hint));
            None
        }
    }
}

/// What is wrong, and what to do about it.
type Refusal = (&'static str, String);

const EXAMPLE: &str = "write an IPv4 address, a DNS name, or `none`";

fn understand(written: &str) -> Result<Endpoint, Refusal> {
    if let Ok(address) = written.parse::<Ipv4Addr>() {
        return match address {
            address if is_unusable(address) => {
                Err(("is an address that nobody can reach", EXAMPLE.to_owned()))
            }
            address => Ok(Endpoint::Address(IpAddr::V4(address))),
        };
    }
    if matches!(written.to_ascii_lowercase().as_str(), "none" | "null" | "~" | "no" | "nat") {
        return Err((
            "is not an endpoint",
            "write `none` for a gateway that nobody can reach".to_owned(),
        ));
    }
    if let Some((_, rest)) = written.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(("is a URL", only(host)));
    }
    if let Some(Authority { host, port: Some(text), .. }) = Authority::split(written)
        && text.parse::<u16>().is_ok()
    {
        return Err((
            "has a port",
            format!("{}; ports follow from `ports` of `tunnels`", only(host)),
        ));
    }
    host(written).map(Endpoint::Host)
}

fn only(host: &str) -> String {
    format!("write only the address or name: {}", Printable(host))
}

fn is_unusable(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0 || first == 127 || first >= 224
}

/// A host name (RFC 1123 §2.1, RFC 1035 §2.3.4), in lower case and without the dot of the root.
fn host(written: &str) -> Result<String, Refusal> {
    let name = written.strip_suffix('.').unwrap_or(written).to_ascii_lowercase();
    if name.is_empty() {
        return Err(("is empty", EXAMPLE.to_owned()));
    }
    if !name.is_ascii() {
        return Err((
            "has characters that DNS does not carry",
            "write the xn--… form of the name (RFC 5891)".to_owned(),
        ));
    }
    if name.len() > MAX_NAME {
        let hint = format!("{MAX_NAME} characters is the most");
        return Err(("is longer than a name in OpenVPN's configuration may be", hint));
    }
    if name.split('.').any(|label| label.parse::<Name>().is_err()) {
        let hint = "between its dots it has 1 to 63 of a-z, 0-9 and -, neither beginning nor ending with -";
        return Err(("is not a DNS name", hint.to_owned()));
    }
    // Otherwise 10.0.0.300 would be the name of a host.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(("is neither an address nor a DNS name", EXAMPLE.to_owned()));
    }
    if last == "localhost" {
        return Err(("is this very host", EXAMPLE.to_owned()));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    /// The endpoint as text, "nobody" for none.
    fn read(text: &str) -> (Option<String>, Option<Code>, String) {
        let (value, code, hint) =
            judge(text, |text, findings| endpoint(Printable("g"), text, findings));
        let text = |endpoint: Endpoint| endpoint.to_string();
        (value.map(|placed| placed.value.map_or("nobody".to_owned(), text)), code, hint)
    }

    #[test]
    fn takes_addresses_names_and_none() {
        let longest = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(247 - 3 * 64));
        for (written, name) in [
            ("203.0.113.10", "203.0.113.10"),
            ("none", "nobody"),
            ("vpn.example.net", "vpn.example.net"),
            ("VPN.Example.NET.", "vpn.example.net"),
            ("3com.example", "3com.example"),
            ("a", "a"),
            (&longest, &longest),
            ("xn--zrich-kva.example", "xn--zrich-kva.example"),
        ] {
            assert_eq!(read(written).0.unwrap(), name, "{written}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_reached() {
        let long_label = format!("{}.example", "x".repeat(64));
        let long_name = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(247 - 3 * 64 + 1));
        for bad in [
            "",
            ".",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "zürich.example",
            "a b",
            "10.0.0.300",
            "10.0.0",
            "1234",
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "localhost",
            "a.localhost",
            "None",
            "NONE",
            "null",
            "nat",
            &long_label,
            &long_name,
        ] {
            let (value, code, hint) = read(bad);
            assert_eq!((value, code), (None, Some(Code::BadEndpoint)), "{bad:?}");
            assert!(!hint.is_empty(), "{bad:?}");
        }
        assert_eq!(read("2001:db8::1").1, Some(Code::NotSupported));
    }

    #[test]
    fn says_what_to_leave_out() {
        assert!(read("vpn.example.net:1194").2.contains("name: vpn.example.net; ports follow"));
        assert!(read("203.0.113.1:1194").2.contains("name: 203.0.113.1; ports follow"));
        assert!(read("udp://vpn.example.net:1194").2.ends_with("name: vpn.example.net"));
    }
}
