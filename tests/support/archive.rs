//! Archives that Tieline would never write.

use std::io::Write as _;

use tar::{EntryType, Header};

/// A tar archive made entry by entry, each header as wrong as one wants.
#[derive(Clone, Default)]
pub struct Archive(pub Vec<u8>);

impl Archive {
    /// An entry as Tieline writes it, but for what `bend` does to its header. The checksum is
    /// right again afterwards.
    pub fn entry(&mut self, name: &str, content: &[u8], bend: impl FnOnce(&mut Header)) {
        let mut header = Header::new_ustar();
        let length = name.len().min(100);
        header.as_old_mut().name[..length].copy_from_slice(&name.as_bytes()[..length]);
        let directory = name.ends_with('/');
        header.set_entry_type(if directory { EntryType::Directory } else { EntryType::Regular });
        header.set_mode(if directory { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        bend(&mut header);
        header.set_cksum();
        self.raw(&header, content);
    }

    /// A header as it is, checksum included.
    pub fn raw(&mut self, header: &Header, content: &[u8]) {
        self.0.extend(header.as_bytes());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    /// An entry as Tieline writes it.
    pub fn plain(&mut self, name: &str, content: &[u8]) {
        self.entry(name, content, |_| {});
    }

    /// The bytes with the end mark.
    pub fn ended(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// One gzip member, with the header that Tieline writes.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let builder = flate2::GzBuilder::new().operating_system(255);
    let mut encoder = builder.write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The content of a gzip file of one member.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(bytes), &mut content).unwrap();
    content
}
