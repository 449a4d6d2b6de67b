//! The proxy that the environment names, by the rules of curl(1), "ENVIRONMENT", which git follows
//! as well.

use super::{HttpError, MirrorUrl};
use crate::host::{Environment, RealEnvironment};
use crate::primitives::{Authority, port};

/// The proxy for `url`, if there is one for its scheme and its host is not exempt.
pub(super) fn for_url(url: &MirrorUrl) -> Result<Option<ureq::Proxy>, HttpError> {
    let Some((variable, proxy)) = chosen(url, &RealEnvironment) else {
        return Ok(None);
    };
    // A proxy may hold a password, so only the variable is named.
    let proxy = ureq::Proxy::new(&proxy).map_err(|_| HttpError::Proxy { variable })?;
    Ok(Some(proxy))
}

/// The variable that names the proxy for `url`, and what it says.
fn chosen(url: &MirrorUrl, environment: &dyn Environment) -> Option<(&'static str, String)> {
    // Not HTTP_PROXY: in a CGI program that is a header whoever asks may set.
    let variables: &[_] =
        if url.is_https() { &["https_proxy", "HTTPS_PROXY"] } else { &["http_proxy"] };
    let get = |name: &&'static str| {
        let value = environment.get(name)?;
        (!value.is_empty()).then(|| (*name, value.as_str().to_owned()))
    };
    let found = variables.iter().find_map(get)?;
    let exempt = ["no_proxy", "NO_PROXY"].iter().find_map(get);
    let uri: ureq::http::Uri = url.as_str().parse().ok()?;
    match exempt {
        Some((_, list)) if is_exempt(uri.host()?, uri.port_u16(), &list) => None,
        _ => Some(found),
    }
}

/// Whether one of the comma-separated entries of `list` is this host, a domain it is in, or all.
fn is_exempt(host: &str, port: Option<u16>, list: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let (name, only) = split_port(entry);
        if only.is_some() && only != port {
            return false;
        }
        let name = name.trim_matches(['[', ']']).trim_start_matches("*.").trim_start_matches('.');
        let name = name.to_ascii_lowercase();
        let inside = || host.strip_suffix(&name).is_some_and(|before| before.ends_with('.'));
        name == "*" || host == name || (!name.is_empty() && inside())
    })
}

/// `host:port` in two; an IPv6 address has to be in brackets to have a port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match Authority::split(entry) {
        Some(Authority { host, port: Some(text), .. }) if port(text).is_some() => {
            (host, port(text))
        }
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use zeroize::Zeroizing;

    use super::*;

    struct Set(BTreeMap<&'static str, &'static str>);

    impl Environment for Set {
        fn get(&self, name: &str) -> Option<Zeroizing<String>> {
            self.0.get(name).map(|value| Zeroizing::new((*value).to_owned()))
        }
    }

    fn variable(url: &str, set: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let set = Set(set.iter().copied().collect());
        chosen(&url.parse().unwrap(), &set).map(|(variable, _)| variable)
    }

    #[test]
    fn each_scheme_has_its_own_variables() {
        let both = &[("https_proxy", "http://p:1"), ("http_proxy", "http://p:2")];
        assert_eq!(variable("https://h/m", both), Some("https_proxy"));
        assert_eq!(variable("http://h/m", both), Some("http_proxy"));
        assert_eq!(variable("https://h/m", &[("HTTPS_PROXY", "http://p:1")]), Some("HTTPS_PROXY"));
        assert_eq!(variable("http://h/m", &[("HTTP_PROXY", "http://p:1")]), None);
        assert_eq!(variable("https://h/m", &[("https_proxy", "")]), None);
        assert_eq!(variable("https://h/m", &[]), None);
    }

    #[test]
    fn some_hosts_are_exempt() {
        let exempt = |host: &str, list: &str| is_exempt(host, Some(8443), list);
        assert!(exempt("mirror.example.net", "example.org, example.net"));
        assert!(exempt("mirror.example.net", ".example.net"));
        assert!(exempt("mirror.example.net", "*.example.net"));
        assert!(exempt("Mirror.example.net", "mirror.EXAMPLE.net"));
        assert!(exempt("anything", "*"));
        assert!(exempt("10.0.0.1", "10.0.0.1:8443"));
        assert!(exempt("[fd00::1]", "fd00::1"));
        assert!(exempt("[fd00::1]", "[fd00::1]:8443"));
        assert!(!exempt("10.0.0.1", "10.0.0.1:443"));
        assert!(!exempt("badexample.net", "example.net"));
        assert!(!exempt("example.net", "mirror.example.net"));
        assert!(!exempt("example.net", " , ,."));
        let set = &[("https_proxy", "http://p:1"), ("NO_PROXY", "example.net")];
        assert_eq!(variable("https://m.example.net/", set), None);
        assert_eq!(variable("https://m.example.com/", set), Some("https_proxy"));
    }
}
