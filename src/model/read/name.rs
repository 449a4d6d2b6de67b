//! Names of meshes, LANs and gateways.

use crate::primitives::Name;
use crate::spec::{Code, Finding, Placed, Printable};

/// The name of a mesh, LAN or gateway.
pub(in crate::model) fn name(
    of: &str,
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Name> {
    match text.value.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            let message = format!("{of} name `{}`: {error}", Printable(&text.value));
            let hint = match usable(&text.value) {
                Some(usable) => format!("for example `{usable}`"),
                None => "it becomes a file, unit, branch and host name".to_owned(),
            };
            findings.push(Finding::new(Code::BadName, text.place, message).hint(hint));
            None
        }
    }
}

/// The nearest text that could be a name.
fn usable(text: &str) -> Option<Name> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let replaced: String = text.chars().map(plain).take(Name::MAX_LENGTH).collect();
    replaced.trim_matches('-').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::testing::judge;
    use super::*;

    #[test]
    fn proposes_a_name_that_works() {
        let read = |text: &str| judge(text, |text, findings| name("LAN", text, findings));
        assert_eq!(read("perth").0.unwrap().as_str(), "perth");
        let (name, code, hint) = read("Head Office");
        assert_eq!((name, code), (None, Some(Code::BadName)));
        assert_eq!(hint, "for example `head-office`");
        assert_eq!(read(&"x".repeat(64)).2, format!("for example `{}`", "x".repeat(63)));
        assert_eq!(read("…").2, "it becomes a file, unit, branch and host name");
        assert_eq!(read("").1, Some(Code::BadName));
    }
}
