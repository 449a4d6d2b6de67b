//! What a client keeps from one update to the next.

use crate::tuf::Role;

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
}

impl Stored {
    /// A client that knows a root and has seen no release.
    #[must_use]
    pub fn provisioned(root: Vec<u8>) -> Self {
        Self { root, timestamp: None, snapshot: None, targets: None }
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

    /// What has to be written, or removed (`None`), so that a disk that holds `before` holds this.
    /// In the order in which it has to happen, root first: whatever a crash leaves of it is a
    /// state that the next update goes on from.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<(Role, Option<&[u8]>)> {
        let changed = |role: &Role| self.get(*role) != before.get(*role);
        Role::ALL.into_iter().filter(changed).map(|role| (role, self.get(role))).collect()
    }
}
