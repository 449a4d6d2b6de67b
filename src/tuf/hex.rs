//! Lower-case hexadecimal, which gives bytes one spelling.

/// `bytes` in lower-case hexadecimal.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Exactly `N` bytes from lower-case hexadecimal.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode_all(text)?.try_into().ok()
}

/// However many bytes there are in lower-case hexadecimal.
pub(super) fn decode_all(text: &str) -> Option<Vec<u8>> {
    base16ct::lower::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        assert_eq!(encode(&[0x00, 0xff, 0x1a]), "00ff1a");
        assert_eq!(decode("00ff1a"), Some([0x00, 0xff, 0x1a]));
        for bad in ["00FF1A", "00ff1", "00ff1a00", "00ff1g", ""] {
            assert_eq!(decode::<3>(bad), None, "{bad:?}");
        }
        assert_eq!(decode_all("00F"), None);
        assert_eq!(decode_all("0F"), None);
    }
}
