//! Redirects: a few, and only within the server that gateway.yaml names.

use ureq::http::Uri;

/// How many in a row are followed.
pub(super) const MOST: usize = 3;

/// Where `location`, in an answer to a request for `from`, leads; `None` where that is another
/// server, or another way to reach it, or nothing at all.
#[must_use]
pub fn target(from: &str, location: &str) -> Option<String> {
    let base: Uri = from.parse().ok()?;
    let origin = format!("{}://{}", base.scheme_str()?, base.authority()?);
    // RFC 3986, section 5.2: an address, or one without a scheme, or a path, or one beside.
    let to = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{}:{location}", base.scheme_str()?)
    } else if location.starts_with('/') {
        format!("{origin}{location}")
    } else {
        let (directory, _) = base.path().rsplit_once('/')?;
        format!("{origin}{directory}/{location}")
    };
    let to: Uri = to.parse().ok()?;
    let port =
        |uri: &Uri| uri.port_u16().or(Some(if uri.scheme_str()? == "https" { 443 } else { 80 }));
    let same = to.scheme_str() == base.scheme_str()
        && to.host().map(str::to_ascii_lowercase) == base.host().map(str::to_ascii_lowercase)
        && port(&to) == port(&base)
        && !to.authority()?.as_str().contains('@');
    same.then(|| to.to_string())
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn stays_on_its_server() {
        let from = "https://h.example.net/a/metadata/1.root.json";
        for (location, to) in [
            ("/b/1.root.json", "https://h.example.net/b/1.root.json"),
            ("2.root.json", "https://h.example.net/a/metadata/2.root.json"),
            ("https://h.example.net:443/b", "https://h.example.net:443/b"),
            ("https://H.example.net/b", "https://H.example.net/b"),
            ("//h.example.net/b", "https://h.example.net/b"),
        ] {
            assert_eq!(target(from, location).as_deref(), Some(to), "{location}");
        }
        for location in [
            "https://other.example.net/b",
            "//other.example.net/b",
            "https://h.example.net:8443/b",
            "http://h.example.net/b",
            "https://h.example.net@other.example.net/b",
            "https://user@h.example.net/b",
            "file:///etc/passwd",
            "ftp://h.example.net/b",
            "https://",
            "",
        ] {
            let to = target(from, location);
            let inside = to.as_deref().is_none_or(|to| to.starts_with("https://h.example.net/a/"));
            assert!(inside, "{location}: {to:?}");
        }
    }
}
