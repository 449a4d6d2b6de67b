//! From bytes to text.

use super::{Code, Finding, Place, SourceFile};

/// The most bytes that mesh.yaml with all it includes, or mesh.lock, may have. A thousand LANs take a
/// third of it.
pub const MAX_BYTES: u64 = 1 << 20;

/// The text of a file: UTF-8, without the byte order mark that some editors put in front. Places
/// in findings count from its beginning.
pub fn decode(file: SourceFile, bytes: &[u8]) -> Result<&str, Box<Finding>> {
    let place = |start, end| Place { file, start, end };
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the file has {} bytes; {MAX_BYTES} is the most", bytes.len());
        return Err(Box::new(Finding::new(Code::TooLarge, place(0, 0), message)));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        let message = format!("byte {at} of the file, 0x{byte:02x}, is not UTF-8");
        let finding = Finding::new(Code::NotUtf8, place(at, at), message);
        Box::new(finding.hint("save the file as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_utf8_with_and_without_a_mark() {
        assert_eq!(decode(SourceFile::Mesh, b"mesh: a"), Ok("mesh: a"));
        assert_eq!(decode(SourceFile::Mesh, b"\xef\xbb\xbfmesh: a"), Ok("mesh: a"));
    }

    #[test]
    fn names_the_first_byte_that_is_not_utf8() {
        let finding = decode(SourceFile::Lock, b"1 z\xfcrich").unwrap_err();
        assert_eq!(finding.code, Code::NotUtf8);
        assert_eq!(finding.primary.unwrap().place, Place::lock(3..3));
        assert!(finding.message.contains("byte 3 of the file, 0xfc"));
    }

    #[test]
    fn takes_no_more_than_the_limit() {
        let most = vec![b'#'; usize::try_from(MAX_BYTES).unwrap()];
        assert!(decode(SourceFile::Mesh, &most).is_ok());
        let more = [&most[..], b"#"].concat();
        assert_eq!(decode(SourceFile::Mesh, &more).unwrap_err().code, Code::TooLarge);
    }
}
