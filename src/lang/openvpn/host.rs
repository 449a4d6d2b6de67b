//! The host that `remote` names.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::lang::lines::MAX_LINE;
use crate::primitives::Name;

/// How the line with the host begins.
pub(super) const REMOTE: &str = "remote ";

/// The longest name of a host: what a line has room for after the directive. DNS would allow 253
/// (RFC 1035 §2.3.4).
const MAX_LENGTH: usize = MAX_LINE - REMOTE.len();

/// An IPv4 address, or a DNS name in lower case (RFC 1123 §2.1). Neither can be taken for an option
/// or for a second word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(String);

/// A text that is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a host is an IPv4 address or a DNS name in lower case of at most {MAX_LENGTH} characters")]
pub struct HostError;

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let is_name = text.len() <= MAX_LENGTH
            && text.split('.').all(|label| label.parse::<Name>().is_ok())
            // Resolvers take 10.1 and 10.0.0.300 for addresses, each in its way (inet_aton(3)).
            && !text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if is_name || text.parse::<Ipv4Addr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(HostError)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names() {
        let longest = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(55));
        assert_eq!(longest.len(), MAX_LENGTH);
        for good in ["203.0.113.10", "vpn.example.net", "a", "3com.example", "xn--a.b", &longest] {
            assert_eq!(good.parse::<Host>().unwrap().to_string(), good);
        }
        let longer = format!("x{longest}");
        for bad in [
            "",
            "-x",
            "a b",
            "a,b",
            "a;b",
            "a#",
            "\"a\"",
            "a\\",
            "a_b",
            "A.example",
            "a..b",
            ".a",
            "a.",
            "a-",
            "10.0.0",
            "10.0.0.300",
            "010.0.0.1",
            "1",
            "2001:db8::1",
            "a:1",
            &longer,
        ] {
            assert_eq!(bad.parse::<Host>(), Err(HostError), "{bad:?}");
        }
    }
}
