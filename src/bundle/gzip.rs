//! The gzip wrapping of a bundle (RFC 1952), in the one form we write and read.

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::{BundleError, Limits};

/// The header of the one member: deflate, no flags, so no name and no comment; no time; no extra
/// flags; and 255 for "operating system unknown", the same wherever it was written.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// CRC-32 and length of the content, little-endian.
const TRAILER: usize = 8;

/// Wraps `content`. The level is fixed: it decides about the bytes.
pub(super) fn compress(content: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    out.reserve(content.len() / 4 + 1024);
    let mut deflate = Compress::new(Compression::new(6), false);
    loop {
        let done = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = content.get(done..).unwrap_or_default();
        // Compression itself cannot fail; a full buffer only asks for a larger one.
        let status = deflate.compress_vec(rest, &mut out, FlushCompress::Finish);
        if matches!(status, Ok(Status::StreamEnd) | Err(_)) {
            break;
        }
        out.reserve(64 << 10);
    }
    out.extend(trailer(content));
    out
}

/// Unwraps exactly one member that ends where `bytes` end.
pub(super) fn decompress(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, BundleError> {
    if bytes.len() > limits.packed {
        return Err(BundleError::TooLarge { what: "bytes", limit: limits.packed });
    }
    let packed = bytes
        .strip_prefix(&HEADER)
        .ok_or(BundleError::Gzip("its header is another, or names a file or a time"))?;
    let most = limits.unpacked.min(packed.len().saturating_mul(limits.ratio));
    let mut content = Vec::new();
    let mut inflate = Decompress::new(false);
    loop {
        // One step at a time, so that a bomb is noticed long before it fills the memory.
        content.reserve(64 << 10);
        let rest = position(&inflate).and_then(|done| packed.get(done..)).unwrap_or_default();
        let before = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress_vec(rest, &mut content, FlushDecompress::None)
            .map_err(|_| BundleError::Gzip("its data are damaged"))?;
        if content.len() > most {
            return Err(BundleError::TooLarge { what: "bytes unpacked", limit: most });
        }
        if status == Status::StreamEnd {
            break;
        }
        if before == (inflate.total_in(), inflate.total_out()) {
            return Err(BundleError::Gzip("it is cut short"));
        }
    }
    let rest = position(&inflate).and_then(|done| packed.get(done..)).unwrap_or_default();
    match rest.len() {
        TRAILER if rest == trailer(&content) => Ok(content),
        TRAILER => Err(BundleError::Gzip("its checksum is wrong")),
        0..TRAILER => Err(BundleError::Gzip("it is cut short")),
        _ => Err(BundleError::Gzip("something follows after its end")),
    }
}

fn position(inflate: &Decompress) -> Option<usize> {
    usize::try_from(inflate.total_in()).ok()
}

fn trailer(content: &[u8]) -> [u8; TRAILER] {
    let mut crc = Crc::new();
    crc.update(content);
    let sum = u64::from(crc.sum());
    // ISIZE is the length modulo 2^32.
    let length = content.len() as u64 & 0xffff_ffff;
    (sum | length << 32).to_le_bytes()
}
