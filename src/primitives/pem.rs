//! Certificates in PEM (RFC 7468).

/// The first certificate in `text`, in DER; `None` where there is none. What stands around it is
/// passed over, as OpenSSL does.
#[must_use]
pub fn certificate(text: &str) -> Option<Vec<u8>> {
    let blocks = pem::parse_many(text).ok()?;
    let mut certificates = blocks.into_iter().filter(|block| block.tag() == "CERTIFICATE");
    certificates.next().map(pem::Pem::into_contents).filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";

    #[test]
    fn finds_the_first_certificate() {
        let text = format!("subject: x\n{BEGIN}\naGVs\r\nbG8=\n{END}\n{BEGIN}\nZm9v\n{END}\n");
        assert_eq!(certificate(&text).unwrap(), b"hello");
    }

    #[test]
    fn finds_nothing_in_anything_else() {
        for bad in ["", "aGVsbG8=", BEGIN] {
            assert_eq!(certificate(bad), None, "{bad:?}");
        }
        for body in ["", "a%b", "aGVsbG8"] {
            assert_eq!(certificate(&format!("{BEGIN}\n{body}\n{END}")), None, "{body:?}");
        }
    }
}
