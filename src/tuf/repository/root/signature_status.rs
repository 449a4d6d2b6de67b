//! Who has signed a proposed root, and who is missing.

use super::KeySummary;
use super::summary::keys_of;
use crate::tuf::metadata::{Root, Signed};
use crate::tuf::{Draft, PublicKey, Role};

/// The signatures on a proposed root by those who hold the root role in one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureStatus {
    /// The version of the root that says who has to sign.
    pub root: u64,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Who has signed.
    pub signed: Vec<KeySummary>,
    /// Who has not.
    pub missing: Vec<KeySummary>,
}

impl SignatureStatus {
    pub(super) fn of(draft: &Draft, root: &Signed<Root>) -> Self {
        let ids = draft.signed_by(&root.body);
        let usable = |key: &KeySummary| PublicKey::verifier(&key.key).is_some();
        let keys = keys_of(&root.body, Role::Root).into_iter().filter(usable);
        let (signed, missing) = keys.partition(|key: &KeySummary| ids.contains(&&key.id));
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
