//! The tar entries of a bundle (POSIX.1-2017, pax, "ustar Interchange Format").
//!
//! For every name and length there is exactly one header, so reading needs no second opinion:
//! take name, kind and length from what is there, write the header they should have, compare.

use tar::{EntryType, Header};

use super::BundleError;

/// Everything in a tar archive is a multiple of this many bytes.
pub(super) const BLOCK: usize = 512;

/// One entry as read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A directory, without the `/` that ends its name in the archive.
    Directory { name: String },
    /// A regular file.
    File { name: String, content: &'a [u8] },
}

/// Appends a regular file.
pub(super) fn file(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    out.extend(header(name.as_bytes(), EntryType::Regular, content.len() as u64).as_bytes());
    out.extend(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// Appends a directory.
pub(super) fn directory(out: &mut Vec<u8>, name: &str) {
    let name = format!("{name}/");
    out.extend(header(name.as_bytes(), EntryType::Directory, 0).as_bytes());
}

/// Appends the end mark: two blocks of zeros.
pub(super) fn end(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

/// Takes the next entry off the front of `archive`; `None` at the end mark, after which nothing
/// may follow.
pub(super) fn next<'a>(
    archive: &mut &'a [u8],
    longest: usize,
) -> Result<Option<Entry<'a>>, BundleError> {
    let block: &[u8; BLOCK] =
        take(archive, BLOCK)?.try_into().map_err(|_| BundleError::Truncated)?;
    if block == &[0; BLOCK] {
        return end_of(archive).map(|()| None);
    }
    let (name, length) = check(block)?;
    if let Some(name) = name.strip_suffix('/') {
        return Ok(Some(Entry::Directory { name: name.to_owned() }));
    }
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= longest)
        .ok_or(BundleError::TooLarge { what: "bytes in one file", limit: longest })?;
    let content = take(archive, length)?;
    // What the padding holds shows when the archive is written again and compared.
    take(archive, length.next_multiple_of(BLOCK) - length)?;
    Ok(Some(Entry::File { name, content }))
}

/// Name and length in a header that is exactly as we would have written it.
fn check(block: &[u8; BLOCK]) -> Result<(String, u64), BundleError> {
    let found = Header::from_byte_slice(block);
    let raw = found.path_bytes();
    let shown = String::from_utf8_lossy(&raw).into_owned();
    let refuse = |problem| Err(BundleError::Header { entry: shown.clone(), problem });
    let kind = found.entry_type();
    if !matches!(kind, EntryType::Regular | EntryType::Directory) {
        return refuse("is neither a regular file nor a directory");
    }
    let Ok(length) = found.entry_size() else {
        return refuse("has a length that is no number");
    };
    if (kind == EntryType::Directory) != raw.ends_with(b"/") {
        return refuse("has a name that does not fit its kind");
    }
    let Ok(name) = String::from_utf8(raw.to_vec()) else {
        return refuse("has a name that is not UTF-8");
    };
    let wanted = header(name.as_bytes(), kind, length);
    if wanted.as_bytes() != block {
        return refuse(difference(&wanted, found));
    }
    Ok((name, length))
}

/// In what a header differs from the one it should be, for the message.
fn difference(wanted: &Header, found: &Header) -> &'static str {
    let differs = |field: std::ops::Range<usize>| {
        wanted.as_bytes().get(field.clone()) != found.as_bytes().get(field)
    };
    // Positions as in the table of the ustar header block.
    match () {
        () if differs(100..108) => "has another mode than 0644 or, for a directory, 0755",
        () if differs(108..124) => "belongs to someone: its uid and gid must be 0",
        () if differs(136..148) => "has a time: it must be 0",
        () if differs(157..257) => "links to something",
        () if differs(257..265) => "is not in the ustar format",
        () if differs(265..500) => "has fields that must be empty",
        () if differs(124..136) => "has a length that is written in another way",
        () if differs(0..100) => "has a name that is written in another way",
        () => "has a wrong checksum",
    }
}

/// The one header of an entry.
fn header(name: &[u8], kind: EntryType, length: u64) -> Header {
    let mut header = Header::new_ustar();
    for (to, from) in header.as_old_mut().name.iter_mut().zip(name) {
        *to = *from;
    }
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(length);
    header.set_cksum();
    header
}

fn end_of(archive: &mut &[u8]) -> Result<(), BundleError> {
    let second = take(archive, BLOCK)?;
    if !archive.is_empty() || second.iter().any(|byte| *byte != 0) {
        return Err(BundleError::TrailingBytes);
    }
    Ok(())
}

fn take<'a>(archive: &mut &'a [u8], length: usize) -> Result<&'a [u8], BundleError> {
    archive.split_off(..length).ok_or(BundleError::Truncated)
}
