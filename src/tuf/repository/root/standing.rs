//! Who has signed a proposed root, and who is missing.

use super::KeyView;
use super::view::holders;
use crate::tuf::metadata::{Root, Signed};
use crate::tuf::{Draft, PublicKey, Role};

/// Where a proposal stands with those who hold the root role in one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The version of the root that says who has to sign.
    pub root: u64,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Who has signed.
    pub signed: Vec<KeyView>,
    /// Who has not.
    pub missing: Vec<KeyView>,
}

impl Standing {
    pub(super) fn of(draft: &Draft, root: &Signed<Root>) -> Self {
        let ids = draft.signed_by(&root.body);
        let usable = |key: &KeyView| PublicKey::verifier(&key.key).is_some();
        let keys = holders(&root.body, Role::Root).into_iter().filter(usable);
        let (signed, missing) = keys.partition(|key: &KeyView| ids.contains(&&key.id));
        let threshold = root.body.roles.of(Role::Root).threshold.get();
        Self { root: root.version.get(), threshold, signed, missing }
    }

    /// Whether enough have signed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lacking() == 0
    }

    /// How many more signatures it needs.
    #[must_use]
    pub fn lacking(&self) -> u64 {
        self.threshold.saturating_sub(self.signed.len() as u64)
    }
}
