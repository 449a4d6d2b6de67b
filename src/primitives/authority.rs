//! A host, with a port or without one, as it stands in every address (RFC 3986 §3.2.2 and §3.2.3).

/// `host`, `host:port`, `[v6]` or `[v6]:port`, in its parts. What a host may be is for whoever reads
/// it to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host, without brackets.
    pub host: &'a str,
    /// Whether it stood in brackets, as an IPv6 address does.
    pub bracketed: bool,
    /// What stood after the colon.
    pub port: Option<&'a str>,
}

impl<'a> Authority<'a> {
    /// Takes `text` apart; `None` where a bracket is not closed or something else follows it.
    #[must_use]
    pub fn split(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']')?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            return Some(Self { host, bracketed: true, port });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        Some(Self { host, bracketed: false, port })
    }
}

/// A port from 1 to 65535, in its one spelling: addresses are compared as text.
#[must_use]
pub fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port: &u16| *port > 0 && port.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_its_parts() {
        let split = |text| {
            let Authority { host, bracketed, port } = Authority::split(text)?;
            Some((host, bracketed, port))
        };
        for (text, parts) in [
            ("a.example", Some(("a.example", false, None))),
            ("a.example:22", Some(("a.example", false, Some("22")))),
            ("a:", Some(("a", false, Some("")))),
            ("[::1]", Some(("::1", true, None))),
            ("[::1]:22", Some(("::1", true, Some("22")))),
            ("::1", Some(("", false, Some(":1")))),
            ("", Some(("", false, None))),
            ("[::1", None),
            ("[::1]22", None),
        ] {
            assert_eq!(split(text), parts, "{text:?}");
        }
    }

    #[test]
    fn a_port_has_one_spelling() {
        assert_eq!((port("1"), port("844"), port("65535")), (Some(1), Some(844), Some(65535)));
        for bad in ["", "0", "0844", "+1", "65536", "-1", " 1", "1 ", "x"] {
            assert_eq!(port(bad), None, "{bad:?}");
        }
    }
}
