//! Certificates of a gateway.

use crate::primitives::Fingerprint;
use crate::spec::{Code, Finding, Placed, Printable};

/// The current certificate and, during a rotation, the next.
const MOST: usize = 2;

/// The certificates of `gateway`.
pub(in crate::model) fn certificates(
    gateway: Printable<'_>,
    texts: &[Placed<String>],
    findings: &mut Vec<Finding>,
) -> Vec<Placed<Fingerprint>> {
    if let Some(extra) = texts.get(MOST) {
        let message = format!(
            "gateway {gateway} has {} certificates; {MOST} are the most: the current one and, \
             during a rotation, the next",
            texts.len()
        );
        let finding = Finding::new(Code::TooManyCertificates, extra.place, message);
        findings.push(finding.hint("remove those that are no longer in use"));
    }
    texts.iter().filter_map(|text| certificate(gateway, text, findings)).collect()
}

fn certificate(
    gateway: Printable<'_>,
    text: &Placed<String>,
    findings: &mut Vec<Finding>,
) -> Option<Placed<Fingerprint>> {
    if let Ok(fingerprint) = text.value.parse() {
        return Some(Placed::new(fingerprint, text.place));
    }
    let message =
        format!("gateway {gateway}: certificate `{}` is not a fingerprint", Printable(&text.value));
    let finding = Finding::new(Code::BadFingerprint, text.place, message);
    let prefixed = format!("SHA256:{}", text.value);
    let hint = match prefixed.parse::<Fingerprint>() {
        Ok(_) => "write `SHA256:` in front of it",
        Err(_) => {
            "paste what `tieline enroll` printed on the gateway: SHA256: and 32 hexadecimal pairs \
             with colons between them"
        }
    };
    findings.push(finding.hint(hint));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Place;

    #[test]
    fn takes_what_enroll_prints() {
        let good = Fingerprint::of_der(b"a").to_string();
        let texts: Vec<_> = [good.as_str(), &good.replace("SHA256:", ""), "SHA256:", &good]
            .map(|text| Placed::new(text.to_owned(), Place::mesh(0..0)))
            .into();
        let mut findings = Vec::new();
        assert_eq!(certificates(Printable("g"), &texts, &mut findings).len(), 2);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        let bad = Code::BadFingerprint;
        assert_eq!(codes, [Code::TooManyCertificates, bad, bad]);
        assert_eq!(findings[1].hint.as_deref(), Some("write `SHA256:` in front of it"));
    }
}
