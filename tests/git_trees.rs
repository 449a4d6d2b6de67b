//! What a remote may put into a commit, and what not: nothing but regular files of safe names,
//! few and small enough, ever reaches the disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, missing_docs)]

mod support;

use std::fs;

use support::git_client::Inbox;
use support::git_servers::GitServer;
use tieline::host::git::{FailureKind, GitError, Limits};

const SMALL: Limits = Limits {
    received: 100_000,
    objects: 50,
    files: 8,
    file: 50_000,
    total: 100_000,
    memory: 256 << 20,
};

struct Hostile(GitServer);

impl Hostile {
    fn new() -> Self {
        Self(GitServer::daemon())
    }

    fn blob(&self, content: &str) -> String {
        self.0.git_with(&["hash-object", "-w", "--literally", "--stdin"], content)
    }

    /// A tree of `mode id name` entries, however wrong.
    fn tree(&self, entries: &[(&str, &str, &str)]) -> String {
        let kind = |mode: &str| match mode {
            "040000" => "tree",
            "160000" => "commit",
            _ => "blob",
        };
        let line =
            |(mode, id, name): &(&str, &str, &str)| format!("{mode} {} {id}\t{name}", kind(mode));
        let lines: Vec<_> = entries.iter().map(line).collect();
        self.0.git_with(&["mktree", "-z", "--missing"], &(lines.join("\0") + "\0"))
    }

    /// Makes this tree the gateway's.
    fn offer(&self, tree: &str) {
        let who = ["-c", "user.name=m", "-c", "user.email=m@b"];
        let commit = self.0.git(&[&who[..], &["commit-tree", tree]].concat());
        self.0.git(&["update-ref", "refs/heads/gateway/perth", &commit]);
    }

    fn fetch(&self) -> (Inbox, Result<(), GitError>) {
        let inbox = Inbox::new("perth").with_limits(SMALL);
        let fetched = inbox.fetch(&self.0.remote).map(|_| ());
        (inbox, fetched)
    }

    fn refused(&self, what: &str, kind: FailureKind) {
        let (inbox, fetched) = self.fetch();
        let error = fetched.expect_err(what);
        assert_eq!(error.kind(), Some(kind), "{what}: {error}");
        assert!(!error.to_string().contains(['\n', '\u{1b}']), "{what}: {error}");
        assert!(!inbox.directory().join("files").exists(), "{what}: files were kept");
    }
}

#[test]
fn only_the_two_directories_are_looked_at() {
    let hostile = Hostile::new();
    let blob = hostile.blob("x");
    let inner =
        hostile.tree(&[("100644", &blob, "timestamp.json"), ("100755", &blob, "1.root.json")]);
    let other = hostile.tree(&[("120000", &blob, "link")]);
    hostile.offer(&hostile.tree(&[
        ("040000", &inner, "metadata"),
        ("100644", &blob, "README.md"),
        ("040000", &other, "hooks"),
        ("120000", &blob, "link"),
    ]));
    let (inbox, fetched) = hostile.fetch();
    fetched.unwrap();
    let files: Vec<_> = inbox.files().into_keys().collect();
    assert_eq!(files, ["listing", "metadata/1.root.json", "metadata/timestamp.json"]);
}

/// As large as a gateway's part may be, and hardly to be compressed: it fits into the memory that a
/// worker may take.
#[test]
fn the_largest_slice_is_taken() {
    let hostile = Hostile::new();
    // xorshift64 as letters: git hands it over as it is, at three quarters of its size.
    let mut state = 88_172_645_463_325_252_u64;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'0' + u8::try_from(state % 64).unwrap())
    };
    // What repeats is further away than zlib looks back.
    let mut file =
        || hostile.blob(&(0..1 << 16).map(|_| letter()).collect::<String>().repeat(31 << 4));
    let (one, two) = (file(), file());
    let targets = hostile.tree(&[("100644", &one, "1.tar.gz"), ("100644", &two, "2.tar.gz")]);
    hostile.offer(&hostile.tree(&[("040000", &targets, "targets")]));
    let inbox = Inbox::new("perth").with_limits(Limits::SLICE);
    inbox.fetch(&hostile.0.remote).unwrap();
    assert_eq!(inbox.files().values().map(Vec::len).max(), Some(31 << 20));
}

#[test]
fn whatever_is_no_regular_file_is_refused() {
    let hostile = Hostile::new();
    let blob = hostile.blob("/etc/shadow");
    let tree = hostile.tree(&[("100644", &blob, "x")]);
    let commit = "1111111111111111111111111111111111111111";
    for (mode, id) in [("120000", blob.as_str()), ("040000", &tree), ("160000", commit)] {
        let inner = hostile.tree(&[(mode, id, "timestamp.json")]);
        hostile.offer(&hostile.tree(&[("040000", &inner, "metadata")]));
        hostile.refused(mode, FailureKind::Tree);
    }
    for mode in ["120000", "100644"] {
        hostile.offer(&hostile.tree(&[(mode, &blob, "metadata")]));
        hostile.refused(&format!("metadata as {mode}"), FailureKind::Tree);
    }
}

#[test]
fn names_that_mean_something_else_somewhere_are_refused() {
    let hostile = Hostile::new();
    let blob = hostile.blob("x");
    let long = "x".repeat(201);
    for name in [".hidden", "a b", "a\nb", "\u{1b}[2J", "a\\b", "ä", "a:b", "*", long.as_str()] {
        let inner = hostile.tree(&[("100644", &blob, name)]);
        hostile.offer(&hostile.tree(&[("040000", &inner, "targets")]));
        hostile.refused(name, FailureKind::Tree);
    }
}

#[test]
fn dot_dot_and_slashes_never_leave_the_directory() {
    // git's own tools refuse to write such trees, so this one is made byte by byte.
    let hostile = Hostile::new();
    let blob = hostile.blob("owned");
    for name in ["..", "../x", "."] {
        let raw = [format!("100644 {name}\0").as_bytes(), &unhex(&blob)].concat();
        let file = hostile.0.path().join("raw");
        fs::write(&file, raw).unwrap();
        let file = file.to_str().unwrap();
        let inner = hostile.0.git(&["hash-object", "-w", "-t", "tree", "--literally", file]);
        hostile.offer(&hostile.tree(&[("040000", &inner, "metadata")]));
        let (inbox, fetched) = hostile.fetch();
        assert!(fetched.is_err(), "{name}");
        assert!(!inbox.directory().join("files").exists(), "{name}");
        assert!(!inbox.directory().join("x").exists(), "{name}");
    }
}

#[test]
fn more_than_the_limits_is_refused() {
    let hostile = Hostile::new();
    let small = hostile.blob("x");
    // Compresses to almost nothing.
    let bomb = hostile.blob(&"0".repeat(60_000));
    let inner = hostile.tree(&[("100644", &bomb, "big")]);
    hostile.offer(&hostile.tree(&[("040000", &inner, "targets")]));
    hostile.refused("one large file", FailureKind::Limit);

    let half = hostile.blob(&"0".repeat(40_000));
    let names = ["a", "b", "c"];
    let inner = hostile.tree(&names.map(|name| ("100644", half.as_str(), name)));
    hostile.offer(&hostile.tree(&[("040000", &inner, "targets")]));
    hostile.refused("many bytes", FailureKind::Limit);

    let names: Vec<_> = (0..9).map(|n| n.to_string()).collect();
    let entries: Vec<_> = names.iter().map(|n| ("100644", small.as_str(), n.as_str())).collect();
    hostile.offer(&hostile.tree(&[("040000", &hostile.tree(&entries), "targets")]));
    hostile.refused("many files", FailureKind::Limit);

    // Objects that are not even files of ours count when they are sent.
    let names: Vec<_> = (0..60).map(|n| (n.to_string(), hostile.blob(&n.to_string()))).collect();
    let entries: Vec<_> = names.iter().map(|(n, id)| ("100644", id.as_str(), n.as_str())).collect();
    hostile.offer(&hostile.tree(&[("040000", &hostile.tree(&entries), "elsewhere")]));
    hostile.refused("many objects", FailureKind::Limit);

    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x100 + (state >> 20)).unwrap_or('x')
    };
    let large = hostile.blob(&(0..150_000).map(|_| noise()).collect::<String>());
    hostile.offer(&hostile.tree(&[("100644", &large, "elsewhere")]));
    hostile.refused("many bytes received", FailureKind::Limit);
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(pair).collect()
}
