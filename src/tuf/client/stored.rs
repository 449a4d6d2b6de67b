//! What a client keeps from one update to the next.

use std::collections::BTreeMap;

use crate::primitives::Digest;
use crate::tuf::{Role, RoleName};

/// The metadata a client trusts, each as the exact bytes that were verified. With nothing but a
/// root, as a gateway is provisioned, everything else is taken from the remote.
///
/// What is kept is verified again before it is used, so damage on the disk can make a client forget
/// but not make it trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The newest root. Without one nothing is trusted.
    pub root: Vec<u8>,
    /// The newest timestamp.
    pub timestamp: Option<Vec<u8>>,
    /// The newest snapshot.
    pub snapshot: Option<Vec<u8>>,
    /// The newest targets.
    pub targets: Option<Vec<u8>>,
    /// The newest metadata of the delegated roles that were asked. Who has to sign them depends on
    /// who delegates, so they are verified anew in every search.
    pub delegated: BTreeMap<RoleName, Vec<u8>>,
}

/// A step towards a disk that holds what is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The name of the file.
    pub file: String,
    /// Its new content; `None` where it is to be removed.
    pub content: Option<Vec<u8>>,
}

/// The file that says, while a change of keys is being written, for which root everything beside
/// that root is to be forgotten: its content is the SHA-256 of the root.
const FORGET: &str = "forget";

impl Stored {
    /// A client that knows a root and has seen no release.
    #[must_use]
    pub fn provisioned(root: Vec<u8>) -> Self {
        let delegated = BTreeMap::new();
        Self { root, timestamp: None, snapshot: None, targets: None, delegated }
    }

    /// What is kept of `role`.
    #[must_use]
    pub fn get(&self, role: Role) -> Option<&[u8]> {
        match role {
            Role::Root => Some(&self.root),
            Role::Timestamp => self.timestamp.as_deref(),
            Role::Snapshot => self.snapshot.as_deref(),
            Role::Targets => self.targets.as_deref(),
        }
    }

    /// What a disk with these files keeps, by their names, whatever a crash has left of them. The
    /// root is `provisioned` where there is none among them. Other files mean nothing.
    #[must_use]
    pub fn of_files(mut files: BTreeMap<String, Vec<u8>>, provisioned: Vec<u8>) -> Self {
        let root = files.remove(Role::Root.file_name()).unwrap_or(provisioned);
        if files.get(FORGET).is_some_and(|of| of.as_slice() == mark(&root)) {
            return Self::provisioned(root);
        }
        let mut take = |role: Role| files.remove(role.file_name());
        let (timestamp, snapshot) = (take(Role::Timestamp), take(Role::Snapshot));
        let targets = take(Role::Targets);
        let delegated = files
            .into_iter()
            .filter_map(|(name, content)| Some((RoleName::of_file(&name)?, content)))
            .collect();
        Self { root, timestamp, snapshot, targets, delegated }
    }

    /// Whether a file of this name means something to [`of_files`](Self::of_files).
    #[must_use]
    pub fn is_file(name: &str) -> bool {
        name == FORGET
            || Role::ALL.into_iter().any(|role| role.file_name() == name)
            || RoleName::of_file(name).is_some()
    }

    /// What makes a disk with the files `disk` hold this, in the order in which it has to happen.
    /// Whatever a crash leaves of it is a state that the next update goes on from: what was
    /// trusted before or what is trusted now, root first.
    ///
    /// Where `forgets` is set, a root has come that takes the trust from all that was kept
    /// beside the one before (specification 5.3.11). Then a crash between the root and the rest
    /// must not leave the two together, for nothing would show that they do not belong.
    pub(super) fn changes(&self, disk: &BTreeMap<String, Vec<u8>>, forgets: bool) -> Vec<Change> {
        let now = self.files();
        let root = Role::Root.file_name();
        let differs = |name: &str| now.get(name).copied() != disk.get(name);
        let put = |name: &str| Change {
            file: name.to_owned(),
            content: now.get(name).map(|content| (*content).clone()),
        };
        let remove = |name: &str| Change { file: name.to_owned(), content: None };

        let mut changes = Vec::new();
        // Or an earlier update was cut off there.
        let cut_off = disk.get(root).is_some_and(|root| disk.get(FORGET) == Some(&mark(root)));
        let forgets = forgets && differs(root) || cut_off;
        if forgets && disk.get(FORGET) != Some(&mark(&self.root)) {
            changes.push(Change { file: FORGET.to_owned(), content: Some(mark(&self.root)) });
        }
        if differs(root) {
            changes.push(put(root));
        }
        let beside = disk.keys().filter(|name| *name != root && *name != FORGET);
        let stale = |name: &&String| !now.contains_key(*name) || forgets && differs(name);
        changes.extend(beside.filter(stale).map(|name| remove(name)));
        if forgets || disk.contains_key(FORGET) {
            changes.push(remove(FORGET));
        }
        let order = Role::ALL.into_iter().map(|role| role.file_name().to_owned());
        let delegated = self.delegated.keys().map(RoleName::file_name);
        let written = order.chain(delegated).filter(|name| name != root && differs(name));
        changes.extend(written.filter(|name| now.contains_key(name)).map(|name| put(&name)));
        changes
    }

    /// What is kept, by the names of files.
    fn files(&self) -> BTreeMap<String, &Vec<u8>> {
        let top = [
            (Role::Root, Some(&self.root)),
            (Role::Timestamp, self.timestamp.as_ref()),
            (Role::Snapshot, self.snapshot.as_ref()),
            (Role::Targets, self.targets.as_ref()),
        ];
        let top = top.into_iter().filter_map(|(role, at)| Some((role.file_name().to_owned(), at?)));
        let delegated = self.delegated.iter().map(|(name, content)| (name.file_name(), content));
        top.chain(delegated).collect()
    }
}

fn mark(root: &[u8]) -> Vec<u8> {
    Digest::of(root).to_string().into_bytes()
}
