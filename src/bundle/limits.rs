//! How much of a bundle is read at all.

/// What [`unpack`](super::unpack) refuses to exceed. The bytes it is given were verified before,
/// so these do not stop strangers: they keep a mistake, or a stolen release key, from filling a
/// gateway's disk or memory.
///
/// A gateway of a mesh of 1,000 has 999 tunnels: 1,003 entries, 3 MiB unpacked, 0.2 MiB packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the `.tar.gz`, in bytes: endless data.
    pub packed: usize,
    /// Length of the tar archive inside it, in bytes: a gzip bomb.
    pub unpacked: usize,
    /// Unpacked bytes per packed byte: a gzip bomb again, recognised while it is still small.
    /// deflate can do 1032; what we pack stays below 20.
    pub ratio: usize,
    /// Files and directories: a million empty files use up a disk's inodes.
    pub entries: usize,
    /// Length of one file, in bytes.
    pub file: usize,
}

impl Limits {
    /// What a gateway allows.
    pub const GATEWAY: Self =
        Self { packed: 8 << 20, unpacked: 64 << 20, ratio: 100, entries: 20_000, file: 16 << 20 };
}
